import { rmSync } from 'node:fs';
import { decodeRecord, type HeldStamp, readHeld, WeirError } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import { readIfThere } from './read-if-there.ts';
import { writeWhole } from './write-whole.ts';

const VERSION = 1;
/** Of some 200 bytes each. Past it a reading without a time is set aside for good. */
const HELD_MOST = 100_000;
const LOOK_EVERY_MS = 1_000;
/** Under way to the log at once when they are let go. */
const AT_ONCE = 256;

interface Stored {
  version: typeof VERSION;
  /** No record before this one holds any. */
  from: number;
  /** What the clock showed at the boot, once that is known: it stays the same however often letting go is begun. */
  bootAtMs: number | null;
  boot: string;
}

export interface HeldParts {
  /** Stands there while any are held. */
  file: string;
  log: CommitLog;
  logger: Record<'info' | 'error', (fields: object, message: string) => void>;
  /** Names this boot of the machine. */
  boot: bigint;
  /** Milliseconds since the boot, also for a process that was started again. */
  sinceBootMs(): number;
  nowMs(): number;
  trusted(): boolean;
  /** Takes a reading that came at that time, be it that nobody knew it; NaN sets it aside. */
  offer(topic: string, reading: Uint8Array, arrivalMs: number, done: (fault: WeirError | null) => void): void;
}

/**
 * Readings that have the time of their arrival, from before the board knew the time. They are in the log, acknowledged,
 * and count nothing. When the clock is trusted in the same boot they are offered again with the time at which they came;
 * what another boot has left is set aside, since nobody will ever know. What is offered twice, after a crash, has the same
 * time again and counts once. Holds a number; the readings are in the log.
 */
export class HeldReadings {
  readonly #parts: HeldParts;
  #stored: Stored | null;
  #held = 0;
  #givingUp = false;
  #releasing: Promise<void> | null = null;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: HeldParts) {
    this.#parts = parts;
    this.#stored = this.#load();
  }

  /** Readings that are held. */
  get count(): number {
    return this.#held;
  }

  /** The log from here on is needed; null when nothing is held. */
  get keepFromSeq(): number | null {
    return this.#stored?.from ?? null;
  }

  /** Counts what the last life of the process has left, and looks from now on whether the time is known. */
  async open(): Promise<void> {
    for await (const _ of this.#each(Number.MAX_SAFE_INTEGER)) this.#held++;
    this.#timer = setInterval(() => void this.release(), LOOK_EVERY_MS).unref();
  }

  /** What a reading is held under; null when it is not. The builder asks it for each. */
  readonly stamp = (): HeldStamp | null => {
    if (this.#givingUp || this.#held >= HELD_MOST) return null;
    const { log, boot, sinceBootMs } = this.#parts;
    // Before the first one is in the log it must be known where to look for it.
    this.#stored ??= this.#keep({
      version: VERSION,
      from: log.bounds().last + 1,
      bootAtMs: null,
      boot: String(boot),
    });
    this.#held++;
    return { boot, sinceBootMs: sinceBootMs() };
  };

  /** Lets go what is held, when the time is known. */
  async release(): Promise<void> {
    if (this.#stored === null || this.#closed || !this.#parts.trusted()) return;
    this.#releasing ??= this.#release()
      .catch((fault: unknown) => {
        const why = fault instanceof Error ? fault.message : String(fault);
        this.#parts.logger.error({ why }, 'held readings could not be let go, and stay held');
      })
      .finally(() => {
        this.#releasing = null;
      });
    await this.#releasing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#releasing;
  }

  async #release(): Promise<void> {
    const { log, logger, boot, nowMs, sinceBootMs } = this.#parts;
    const known = this.#stored!;
    const bootAtMs =
      known.bootAtMs !== null && known.boot === String(boot)
        ? known.bootAtMs
        : Math.round(nowMs() - sinceBootMs());
    this.#stored = this.#keep({ ...known, bootAtMs, boot: String(boot) });
    const { last } = log.bounds();
    let counted = 0;
    let aside = 0;
    let underWay: Promise<void>[] = [];
    for await (const { topic, payload } of this.#each(last)) {
      const { stamp, reading } = readHeld(payload);
      const ours = stamp.boot === boot;
      if (ours) counted++;
      else aside++;
      underWay.push(this.#offer(topic, reading, ours ? stamp.sinceBootMs + bootAtMs : Number.NaN));
      if (underWay.length < AT_ONCE) continue;
      await Promise.all(underWay);
      underWay = [];
    }
    await Promise.all(underWay);
    // Some may have come while what takes readings did not know yet that the time is known: they are looked for once more.
    if (counted + aside > 0) {
      this.#held = Math.max(0, this.#held - counted - aside);
      this.#stored = this.#keep({ ...this.#stored, from: last + 1 });
    } else {
      this.#held = 0;
      rmSync(this.#parts.file, { force: true });
      this.#stored = null;
    }
    if (counted + aside > 0)
      logger.info({ counted, aside }, 'the time is known: readings that were held are counted, or set aside');
  }

  async #offer(topic: string, reading: Uint8Array, arrivalMs: number): Promise<void> {
    const fault = await new Promise<WeirError | null>((resolve) => {
      this.#givingUp = true;
      try {
        this.#parts.offer(topic, reading, arrivalMs, resolve);
      } finally {
        this.#givingUp = false;
      }
    });
    if (fault !== null) throw fault;
  }

  async *#each(last: number): AsyncGenerator<{ topic: string; payload: Uint8Array }> {
    if (this.#stored === null) return;
    const { log } = this.#parts;
    for await (const { seq, bytes } of log.read(Math.max(this.#stored.from, log.bounds().first))) {
      if (seq > last) return;
      // The scrub tells of a damaged record; what it held is gone.
      const record = bytes === null ? null : decodeRecord(bytes, () => false);
      if (record === null || 'fault' in record) continue;
      for (const aside of record.setAside) if (aside.reason === 'held') yield aside;
    }
  }

  #keep(stored: Stored): Stored {
    writeWhole(this.#parts.file, `${JSON.stringify(stored)}\n`);
    return stored;
  }

  #load(): Stored | null {
    const text = readIfThere(this.#parts.file);
    if (text === null) return null;
    const stored = JSON.parse(text) as Stored;
    if (stored.version === VERSION) return stored;
    throw new WeirError('WEIR_DATA_MISSING', `${this.#parts.file} is of another version: ${stored.version}`);
  }
}
