import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { WearSpec } from '../contract/index.ts';
import { type FlashCounters, flashCounters } from './flash-counters.ts';
import { nextCheckpointMs } from './wear-governor.ts';
import { type WearFigures, WearMeter, type WearPast } from './wear-meter.ts';
import { writeWhole } from './write-whole.ts';

const VERSION = 1;
const SAMPLE_MS = 60_000;
/** The file takes a block or two of flash each time. */
const KEEP_MS = 60 * 60_000;
/** Checkpoints need time to show what they cost. */
const STEER_MS = 30 * 60_000;

export interface BoardWearOptions {
  dir: string;
  spec: WearSpec | null;
  logger: Logger;
  /** Bytes appended to the log since the start. */
  logBytes(): number;
  readingsPerSecond(): number;
  everyMs: number;
  /** Null where somebody has said how often checkpoints are made. */
  setEveryMs: ((everyMs: number) => void) | null;
  counters?: (dir: string) => FlashCounters;
}

/** Watches what is written to flash, keeps it over restarts, and has checkpoints made as often as the budget allows. */
export class BoardWear {
  readonly #options: BoardWearOptions;
  readonly #file: string;
  readonly #meter: WearMeter;
  readonly #timer: NodeJS.Timeout;
  #everyMs: number;
  #keptAtMs = performance.now();
  /** Where the counters stood when it was last decided how often: what came before was at another pace. */
  #steered: { atMs: number; counters: FlashCounters };

  constructor(options: BoardWearOptions) {
    this.#options = options;
    this.#file = join(options.dir, 'wear.json');
    this.#everyMs = options.everyMs;
    const past = readPast(this.#file, options.logger) ?? { sinceMs: Date.now(), ownBytes: 0, deviceBytes: 0 };
    this.#meter = new WearMeter(options.spec, past, performance.now(), this.#counters(), options.logBytes());
    this.#steered = { atMs: performance.now(), counters: this.#counters() };
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  figures(): WearFigures & { checkpointEveryMs: number } {
    this.#meter.sample(performance.now(), this.#counters());
    const figures = this.#meter.figures(Date.now(), this.#options.logBytes());
    return { ...figures, checkpointEveryMs: this.#everyMs };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#meter.sample(performance.now(), this.#counters());
    this.#keep();
  }

  #counters(): FlashCounters {
    return (this.#options.counters ?? flashCounters)(this.#options.dir);
  }

  #sample(): void {
    const now = performance.now();
    this.#meter.sample(now, this.#counters());
    if (now - this.#keptAtMs >= KEEP_MS) this.#keep();
    if (now - this.#steered.atMs >= STEER_MS) this.#steer(now);
  }

  #steer(now: number): void {
    const before = this.#steered;
    const counters = this.#counters();
    this.#steered = { atMs: now, counters };
    const { setEveryMs, readingsPerSecond } = this.#options;
    const { budgetPerDayBytes } = this.figures();
    if (setEveryMs === null || budgetPerDayBytes === null) return;
    const perDayBytes = perDayBetween(before.counters, counters, now - before.atMs);
    const next = nextCheckpointMs({
      everyMs: this.#everyMs,
      perDayBytes,
      budgetPerDayBytes,
      readingsPerSecond: readingsPerSecond(),
    });
    if (next === this.#everyMs) return;
    this.#options.logger.info(
      { perDayBytes, budgetPerDayBytes, everyMs: next },
      'checkpoints follow the wear budget',
    );
    this.#everyMs = next;
    setEveryMs(next);
  }

  /** A full or failing disk is reported by those who must write; this file waits for a better time. */
  #keep(): void {
    this.#keptAtMs = performance.now();
    try {
      writeWhole(this.#file, `${JSON.stringify({ version: VERSION, ...this.#meter.past })}\n`);
    } catch (err) {
      this.#options.logger.warn({ err }, 'what was written to flash could not be kept');
    }
  }
}

function perDayBetween(from: FlashCounters, to: FlashCounters, spanMs: number): number {
  const own = (to.ownBytes ?? 0) - (from.ownBytes ?? 0);
  const device = (to.deviceBytes ?? 0) - (from.deviceBytes ?? 0);
  return (Math.max(own, device) * 24 * 3_600_000) / spanMs;
}

/** What is no such file is begun anew: it tells of the past, and nothing depends on it. */
function readPast(file: string, logger: Logger): WearPast | null {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const past = found as Partial<WearPast> & { version?: number };
    const { sinceMs, ownBytes, deviceBytes } = past;
    if (past.version === VERSION && isCount(sinceMs) && isCount(ownBytes) && isCount(deviceBytes))
      return { sinceMs, ownBytes, deviceBytes };
    logger.warn({ file }, 'what was written to flash before is not known');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ err, file }, 'what was written to flash before is not known');
  }
  return null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** As metrics; what is not known is left out. */
export function wearCounters(figures: ReturnType<BoardWear['figures']>): Record<string, number> {
  const all = {
    flash_written_bytes_total: figures.totalBytes,
    flash_written_bytes_per_day: figures.perDayBytes,
    flash_device_written_bytes_per_day: figures.devicePerDayBytes,
    flash_amplification: figures.amplification,
    flash_months_left: figures.monthsLeft,
    flash_budget_bytes_per_day: figures.budgetPerDayBytes,
    checkpoint_interval_seconds: figures.checkpointEveryMs / 1000,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== null),
  );
}
