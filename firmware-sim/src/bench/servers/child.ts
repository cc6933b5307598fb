import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { WeirError } from '@weir/node/contract';

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];
const STOP_MS = 30_000;
const TALK_BYTES = 4_096;

/** Where Debian put a program; null if nowhere. */
export function programNamed(name: string): string | null {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** A loopback port that is free now; the programs that need one named cannot pick it themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/** A child whose end is seen, whose last words are kept, and which does not outlive this process. */
export class Child {
  readonly pid: number;
  readonly process: ChildProcess;
  #talk = '';
  readonly #ended: Promise<unknown>;
  readonly #onExit: () => void;

  constructor(program: string, args: string[], more: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.process = spawn(program, args, { ...more, stdio: ['ignore', 'pipe', 'pipe'] });
    if (this.process.pid === undefined) throw new WeirError('WEIR_NOT_FOUND', `${program} does not start.`);
    this.pid = this.process.pid;
    this.#ended = once(this.process, 'exit');
    this.process.stderr?.on('data', (chunk) => this.#hear(chunk));
    this.#onExit = () => this.process.kill('SIGKILL');
    process.once('exit', this.#onExit);
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The last that it wrote on stderr. */
  get talk(): string {
    return this.#talk;
  }

  /** The first line on stdout; what comes after is let go. */
  async firstLine(withinMs: number): Promise<string> {
    let text = '';
    const out = this.process.stdout!;
    const line = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#silent()), withinMs);
      const hear = (chunk: Buffer): void => {
        text += chunk;
        if (!text.includes('\n')) return;
        out.off('data', hear);
        out.resume();
        clearTimeout(timer);
        resolve(text.slice(0, text.indexOf('\n')));
      };
      out.on('data', hear);
      this.process.once('exit', () => {
        clearTimeout(timer);
        reject(this.#silent());
      });
    });
    return line;
  }

  /** All that it writes on stdout until it ends; an end with a fault rejects with its last words. */
  async output(): Promise<string> {
    let text = '';
    this.process.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    await once(this.process, 'close');
    if (this.process.exitCode !== 0) throw this.#silent();
    return text;
  }

  discardOutput(): void {
    this.process.stdout?.resume();
  }

  async stop(): Promise<void> {
    if (this.running) {
      this.process.kill('SIGTERM');
      const late = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
      await this.#ended;
      clearTimeout(late);
    }
    process.off('exit', this.#onExit);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    if (this.running) await this.#ended;
    process.off('exit', this.#onExit);
  }

  #hear(chunk: Buffer): void {
    this.#talk = (this.#talk + chunk).slice(-TALK_BYTES);
  }

  #silent(): WeirError {
    const why = this.#talk.trim().split('\n').slice(-5).join('\n').slice(-500);
    return new WeirError('WEIR_UNREACHABLE', `${this.process.spawnfile} did not do its work. ${why}`);
  }
}
