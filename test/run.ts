import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Ends it after so long; a test that hangs must still end. */
  withinMs?: number;
}

const running = new Set<ChildProcess>();

/** Ends what `run` has started and what has not ended yet. */
export function endRuns(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** Runs a program to its end and answers what it said, whatever its status. */
export async function run(line: string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(line[0], line.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.withinMs ?? 3_600_000,
    killSignal: 'SIGTERM',
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await once(child, 'close');
  return { status: child.exitCode, stdout, stderr };
}

/** Runs a program that must succeed; answers its stdout. */
export async function must(line: string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(line, options);
  if (ran.status !== 0)
    throw new Error(
      `${line.join(' ')} ended with ${ran.status}\n${ran.stdout.slice(-3_000)}\n${ran.stderr.slice(-3_000)}`,
    );
  return ran.stdout;
}

/** What a script has made, undone in reverse at its end, whatever it came to. */
export class Undo {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  async all(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (fault) {
        // The others must still be undone; the fault is told.
        process.stderr.write(`while tidying up: ${fault instanceof Error ? fault.message : fault}\n`);
        process.exitCode = 1;
      }
    }
  }
}
