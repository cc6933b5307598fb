import { type IncomingMessage, request } from 'node:http';
import { type ShardHash, WeirError } from '../contract/index.ts';
import type { LogEntry } from '../log/port.ts';
import { readFrames } from './frames.ts';
import { readLogPiece, readSessions } from './pieces.ts';
import type { BackupSource, CopyStep, SessionEntry } from './source.ts';

/** A running appliance, asked over the socket in its data directory. */
export class RunningSource implements BackupSource {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async bounds(): Promise<{ first: number; last: number }> {
    return JSON.parse((await bytesOf(await this.#get('/bounds'))).toString());
  }

  async record(seq: number): Promise<Uint8Array | null> {
    const answer = await this.#get(`/record?seq=${seq}`, 404);
    const bytes = await bytesOf(answer);
    return answer.statusCode === 404 ? null : bytes;
  }

  async *records(from: number): AsyncGenerator<LogEntry> {
    for await (const piece of readFrames(await this.#get(`/records?from=${from}`)))
      yield* readLogPiece(piece);
  }

  async *shard(shard: number, atLeast: number): AsyncGenerator<CopyStep> {
    const frames = readFrames(await this.#get(`/shard?shard=${shard}&from=${atLeast}`));
    for (;;) {
      const { value, done } = await frames.next();
      if (done) {
        yield JSON.parse(value.toString()) as CopyStep;
        return;
      }
      yield { slab: value };
    }
  }

  async *sessions(): AsyncGenerator<SessionEntry> {
    for await (const piece of readFrames(await this.#get('/sessions'))) yield* readSessions(piece);
  }

  async verify(): Promise<ShardHash[]> {
    return JSON.parse((await bytesOf(await this.#get('/verify'))).toString());
  }

  async close(): Promise<void> {}

  async #get(path: string, alsoFine = 200): Promise<IncomingMessage> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ socketPath: this.#socketPath, path }, resolve)
        .on('error', (cause: NodeJS.ErrnoException) =>
          reject(
            new WeirError(
              'WEIR_UNREACHABLE',
              `the appliance does not answer at ${this.#socketPath}: ${cause.code}`,
              {
                cause,
                suggestion: 'Run this as the user that the appliance runs as.',
              },
            ),
          ),
        )
        .end();
    });
    if (answer.statusCode === 200 || answer.statusCode === alsoFine) return answer;
    throw new WeirError('WEIR_NOT_READY', `the appliance says: ${(await bytesOf(answer)).toString()}`);
  }
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
