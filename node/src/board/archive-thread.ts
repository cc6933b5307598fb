import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type Worker } from 'node:worker_threads';
import { Caller } from '../client/rpc.ts';
import { WeirError } from '../contract/index.ts';
import type { ArchiveSetup } from '../shard/archive-loop.ts';
import { startThread } from '../shipped/index.ts';

const YOUNG_MB = 16;
/** Stands in a directory that archives were written to: a disk that is not mounted leaves an empty one. */
const MARKER = 'WEIR-ARCHIVE';

/** The directory itself is never made: where a disk belongs there must be one. */
export function assertArchive(dir: string, usedBefore: boolean): void {
  if (!existsSync(dir))
    throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `there is no directory ${dir}`, {
      suggestion: 'Mount its disk, or make it.',
    });
  const marker = join(dir, MARKER);
  if (existsSync(marker)) return;
  if (usedBefore && readdirSync(dir).length === 0)
    throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `${dir} is empty, and was archived to before`, {
      suggestion: 'Mount its disk.',
    });
  writeFileSync(marker, 'weir archive, version 1\n', { flush: true });
}

/** The thread that writes files of an archive, and its line. A call rejects when the thread ends. */
export class ArchiveThread {
  readonly #worker: Worker;
  readonly #caller: Caller;
  readonly #ended: Promise<never>;

  constructor(entry: URL, setup: ArchiveSetup) {
    const { port1, port2 } = new MessageChannel();
    this.#worker = startThread(entry, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#caller = new Caller(port1);
    this.#ended = new Promise<never>((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new Error('the thread of the archive ended')));
    });
    // Looked at with every call; after the last one its end is as it should be.
    this.#ended.catch(() => undefined);
  }

  call<T>(method: string, params: unknown): Promise<T> {
    return Promise.race([this.#caller.call<T>(method, params), this.#ended]);
  }

  async end(): Promise<void> {
    this.#caller.close();
    await this.#worker.terminate();
  }
}
