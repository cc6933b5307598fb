import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { Logger } from 'pino';
import {
  LIMITS,
  type RollupAnswer,
  type RollupQuestion,
  type RollupSpec,
  type Series,
  type Site,
  stepBoundaries,
  type WindowSpec,
  windowLead,
} from '../contract/index.ts';

/** How often it looks whether a window has closed. */
const LOOK_EVERY_MS = 1_000;
/** Windows that are caught up with after a time of silence; older ones are asked for, not told. */
const CATCH_UP = 100;
/** Series of one message, and their bytes: the broker keeps no larger ones as retained. */
const SERIES_MAX = 1_000;
const SERIES_BYTES = 60_000;

export interface WindowPorts {
  ask(question: RollupQuestion): Promise<RollupAnswer>;
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): Promise<void>;
  nowMs(): number;
}

/**
 * Tells the windows of sliding rollups over MQTT as they close, which is when they are final: one retained message a
 * window and group-by. A file says up to which window each rollup was told. It is written after the message, so that a crash
 * between the two tells one window twice and leaves none out; `rollup` and `to` of a message tell which one it is.
 */
export class WindowPublisher {
  readonly #site: Site;
  readonly #ports: WindowPorts;
  readonly #file: string;
  readonly #logger: Logger;
  /** Start of the newest step told, by rollup. */
  readonly #told: Record<string, number>;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #closed = false;

  constructor(site: Site, ports: WindowPorts, file: string, logger: Logger) {
    this.#site = site;
    this.#ports = ports;
    this.#file = file;
    this.#logger = logger;
    this.#told = readTold(file);
  }

  start(): void {
    if (!this.#site.rollups.some((rollup) => rollup.window !== undefined)) return;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearInterval(this.#timer);
    await this.#looking;
  }

  /** Tells what has closed. One at a time; a call while one is under way waits for that one. */
  look(): Promise<void> {
    this.#looking ??= this.#all().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #all(): Promise<void> {
    for (const rollup of this.#site.rollups)
      if (rollup.window !== undefined && !this.#closed) {
        try {
          await this.#catchUp(rollup, rollup.window);
        } catch (fault) {
          this.#logger.warn(
            { err: fault, rollup: rollup.name },
            'a window that closed was not told; it is tried again',
          );
        }
      }
  }

  async #catchUp(rollup: RollupSpec, { everyMs }: WindowSpec): Promise<void> {
    const steps = stepBoundaries(this.#site.timezone, rollup.tiers[0].widthMs, everyMs);
    const latenessMs = this.#site.streams.find((one) => one.name === rollup.stream)?.latenessMs ?? 0;
    const newest = steps.start(this.#ports.nowMs() - latenessMs);
    if (this.#told[rollup.name] === undefined) {
      // The first look of a board begins with the window that closes next.
      this.#told[rollup.name] = steps.start(newest - 1);
      await writeTold(this.#file, this.#told);
    }
    let start = steps.end(this.#told[rollup.name]);
    if (newest - start > CATCH_UP * everyMs) start = steps.start(newest - CATCH_UP * everyMs);
    for (; start < newest && !this.#closed; start = steps.end(start)) {
      const end = steps.end(start);
      // The clock says that it has closed; the watermark decides, since it is what every answer goes by.
      const whole = await this.#window(rollup, [], start, end);
      if (whole.watermark === null || whole.watermark < end + latenessMs) return;
      for (const by of rollup.groupBys) await this.#tell(rollup, by, start, end);
      this.#told[rollup.name] = start;
      await writeTold(this.#file, this.#told);
    }
  }

  #window(rollup: RollupSpec, by: string[], from: number, to: number): Promise<RollupAnswer> {
    const limit = Math.min(SERIES_MAX, LIMITS.answerSeries);
    return this.#ports.ask({
      rollup: rollup.name,
      from,
      to,
      step: 'auto',
      by,
      where: {},
      measures: [],
      limit,
    });
  }

  async #tell(rollup: RollupSpec, by: string[], start: number, end: number): Promise<void> {
    const answer = await this.#window(rollup, by, start, end);
    const told: string[] = [];
    let bytes = 0;
    for (const series of answer.series) {
      const text = JSON.stringify(shown(series));
      bytes += Buffer.byteLength(text) + 1;
      if (bytes > SERIES_BYTES) break;
      told.push(text);
    }
    const truncated = answer.truncated || told.length < answer.series.length;
    const head = JSON.stringify({
      rollup: rollup.name,
      from: this.#begin(rollup, start),
      to: end,
      truncated,
    });
    const text = `${head.slice(0, -1)},"series":[${told.join()}]}`;
    await this.#ports.publish(windowTopic(rollup.name, by), Buffer.from(text), { qos: 1, retain: true });
  }

  /** Where the window begins whose newest step begins at `start`. */
  #begin({ tiers, window }: RollupSpec, start: number): number {
    if (window === undefined) return start;
    const steps = stepBoundaries(this.#site.timezone, tiers[0].widthMs, window.everyMs);
    return windowLead(steps, window.overMs / window.everyMs, start);
  }
}

/** The one bucket of a series. */
function shown({ by, values, lists, revision }: Series): object {
  return {
    by,
    values: first(values),
    ...(lists !== undefined && { lists: first(lists) }),
    revision: revision[0],
  };
}

/** Synced and renamed, without holding up the thread that takes readings. */
async function writeTold(file: string, told: Record<string, number>): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', 0o640);
  try {
    await handle.writeFile(`${JSON.stringify(told)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

/** `weir/rollups/NAME`, and `weir/rollups/NAME/by/FIELD/FIELD` of a group-by. */
export function windowTopic(rollup: string, by: string[]): string {
  return by.length === 0 ? `weir/rollups/${rollup}` : `weir/rollups/${rollup}/by/${by.join('/')}`;
}

function first<T>(columns: Record<string, T[]>): Record<string, T> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column[0]]));
}

function readTold(file: string): Record<string, number> {
  try {
    const told = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
    return Object.fromEntries(Object.entries(told).filter(([, start]) => Number.isFinite(start)));
  } catch (fault) {
    // Without it the next window to close is told first.
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT' || fault instanceof SyntaxError) return {};
    throw fault;
  }
}
