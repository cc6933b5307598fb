import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Ran, run } from '../run.ts';

export const SITE = join(import.meta.dirname, 'site.yaml');
/**
 * `npm test` and the long scripts run the bundle that was just built: it is what ships, and starts in a third of the
 * time. Without `WEIR_TEST_BUNDLE` the sources run, so that a single test never meets a stale bundle.
 */
const PROGRAM = process.env.WEIR_TEST_BUNDLE === '1' ? join('dist', 'weir.mjs') : 'weir.ts';
const WEIR = join(import.meta.dirname, '..', '..', PROGRAM);
/** The program and its arguments, before the command; what every start is given, see `node/bin/weir.js`. */
export const NODE = [
  process.execPath,
  '--max-semi-space-size=4',
  '--disable-warning=ExperimentalWarning',
  WEIR,
];
const ENV = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', ...process.env };
/** A machine that runs other tests besides is slow; a product that hangs must still end the test. */
const START_MS = 180_000;
const STOP_MS = 30_000;
const TALK_BYTES = 64 * 1024;

export interface StartOptions {
  data: string;
  site?: string;
  /** Without it devices and questions need credentials. */
  open?: boolean;
  /** What the process runs under, such as `taskset -c 0`. */
  under?: string[];
  env?: NodeJS.ProcessEnv;
  more?: string[];
}

interface Announced {
  mqtt: string;
  http: string;
  pid: number;
  token?: string;
}

/** A real appliance as a child process, started as an operator starts it. It does not outlive this process. */
export class Appliance {
  readonly child: ChildProcess;
  readonly mqttPort: number;
  readonly http: string;
  /** Of the appliance itself, not of what it runs under. */
  readonly pid: number;
  /** Shown once, at the first start of an appliance that is not open. */
  readonly token: string | null;
  readonly startedAtMs: number;
  readonly #talk: { text: string };
  readonly #ended: Promise<number | null>;

  private constructor(
    child: ChildProcess,
    announced: Announced,
    talk: { text: string },
    ended: Promise<number | null>,
    startedAtMs: number,
  ) {
    this.child = child;
    this.mqttPort = Number(announced.mqtt.split(':')[1]);
    this.http = announced.http;
    this.pid = announced.pid;
    this.token = announced.token ?? null;
    this.startedAtMs = startedAtMs;
    this.#talk = talk;
    this.#ended = ended;
  }

  static async start(options: StartOptions): Promise<Appliance> {
    const startedAtMs = performance.now();
    const site = options.site ?? SITE;
    const places = ['--data', options.data, '--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0', '--json'];
    const open = options.open === false ? [] : ['--open'];
    const line = [...(options.under ?? []), ...NODE, 'up', site, ...places, ...open, ...(options.more ?? [])];
    const child = spawn(line[0], line.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...ENV, ...options.env },
    });
    const talk = { text: '' };
    child.stderr!.on('data', (chunk) => {
      talk.text = `${talk.text}${chunk}`.slice(-TALK_BYTES);
    });
    const onExit = () => child.kill('SIGKILL');
    process.once('exit', onExit);
    const ended = once(child, 'exit').then(([code]) => {
      process.off('exit', onExit);
      return code as number | null;
    });
    const announced = await firstLine(child, ended, talk);
    return new Appliance(child, announced, talk, ended, startedAtMs);
  }

  /** The last that it wrote on stderr. */
  get talk(): string {
    return this.#talk.text;
  }

  /** Its exit status, once it has ended. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until all that the log holds is counted; answers the milliseconds since the process was started. */
  async ready(withinMs = START_MS): Promise<number> {
    await until(
      'the appliance to be ready',
      async () => (await this.status('/readyz')) === 200,
      withinMs,
    ).catch((fault) => {
      throw new Error(`${fault.message}\n${this.talk}`);
    });
    return performance.now() - this.startedAtMs;
  }

  async status(path: string): Promise<number> {
    const answer = await fetch(new URL(path, this.http), { signal: AbortSignal.timeout(20_000) });
    await answer.text();
    return answer.status;
  }

  /** The body of a 200; anything else throws with the appliance's words. */
  async json<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(path, this.http), { signal: AbortSignal.timeout(20_000) });
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}: ${body.slice(0, 500)}`);
    return JSON.parse(body) as T;
  }

  /** Asks it to end; answers its exit status. */
  async stop(): Promise<number | null> {
    if (this.running) process.kill(this.pid, 'SIGTERM');
    const tooLong = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    const code = await this.#ended;
    clearTimeout(tooLong);
    return code;
  }

  async kill(): Promise<void> {
    if (this.running) process.kill(this.pid, 'SIGKILL');
    await this.#ended;
  }
}

async function firstLine(
  child: ChildProcess,
  ended: Promise<number | null>,
  talk: { text: string },
): Promise<Announced> {
  const lines = createInterface({ input: child.stdout! });
  const tooLong = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const line = await Promise.race([once(lines, 'line'), ended]);
  clearTimeout(tooLong);
  lines.close();
  child.stdout!.resume();
  if (!Array.isArray(line))
    throw new Error(`the appliance ended with ${line} before it listened\n${talk.text}`);
  const announced = JSON.parse(line[0]) as Announced;
  if (announced.pid === undefined) throw new Error(`the appliance says ${line[0]}\n${talk.text}`);
  return announced;
}

/** Runs one command of the product to its end. */
export function weir(...args: string[]): Promise<Ran> {
  return run([...NODE, ...args], { env: { NO_COLOR: '1' }, withinMs: START_MS });
}

/** Waits for a condition; a question that cannot be asked yet counts as not holding. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 20_000,
  everyMs = 10,
): Promise<void> {
  const givenUpMs = performance.now() + withinMs;
  let why = '';
  for (;;) {
    try {
      if (await holds()) return;
    } catch (fault) {
      why = ` (${fault instanceof Error ? fault.message : String(fault)})`;
    }
    if (performance.now() > givenUpMs) throw new Error(`waited ${withinMs} ms in vain for ${what}${why}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
