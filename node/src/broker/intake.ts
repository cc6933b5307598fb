import { type GroupBuilderPort, LIMITS, type LogRecord, WeirError } from '../contract/index.ts';
import { type CommitLog, LOG_IN_FLIGHT } from '../log/port.ts';
import type { BrokerLog } from './rejections.ts';
import { SYSTEM_TIMERS, type Timers } from './timers.ts';

/** The board's idea of the time. `trusted` is false until the clock was set by something better than a guess. */
export interface WallClock {
  nowMs(): number;
  trusted(): boolean;
}

/** Who is told that what it offered is safe. Called in the order of the offers, once each. */
export interface AckSink {
  settle(tag: number, fault: WeirError | null): void;
}

export interface IntakeOptions {
  log: CommitLog;
  builder: GroupBuilderPort;
  clock: WallClock;
  /** Each durable record with its bytes, in order, before its readings are acknowledged: who asks sees them. */
  onDurable(record: LogRecord, bytes: Uint8Array): void;
  /** True while the shards are so far behind the log that no more should be appended. */
  behind?(): boolean;
  /** After every sink of a group was told: the place to write many acknowledgements at once. */
  onSettled?(): void;
  logger: BrokerLog;
  /** Absent: those of the process. */
  timers?: Timers;
}

interface Group {
  record: LogRecord;
  sinks: AckSink[];
  tags: number[];
  state: 'waiting' | 'appending' | 'durable';
  bytes: Uint8Array | null;
}

/**
 * A group waits this long at the most, while it grows and has less than a quarter of the one before it: clients
 * that had that one acknowledged are about to send as much again. A part of it, so that some are under way to the disk
 * while others are on their way here; with the whole of it all clients went in step, and the disk and they in turns.
 * Measured with 400 messages in flight: the whole 47,000 a second, half 72,000, a quarter 76,000 to 105,000.
 */
const LINGER_MS = 4;
/** A group this small after an idle moment goes at once: nobody else is coming. */
const BUSY_READINGS = 32;
const TICK_MS = 15_000;
/** How soon to look again whether the shards have caught up. */
const BEHIND_MS = 5;
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 1_000;

/**
 * Collects readings into groups and makes each durable with one append. While an append is under way the next group
 * fills. Holds at most LOG_IN_FLIGHT records and one open group; when that group is full `pressure()` is true until
 * an append succeeds. An append that is refused is tried again with the same record and the same sequence, for as
 * long as it takes: nobody is told that its reading is safe, and nobody is told that it is lost.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #timers: Timers;
  readonly #onRelease = new Set<() => void>();
  #nextSeq: number;
  #groups: Group[] = [];
  #sinks: AckSink[] = [];
  #tags: number[] = [];
  #seenOffers = 0;
  #openedMs = 0;
  /** Messages that the open group waits for, if they come soon. */
  #wanted = 0;
  #lastAppendMs: number;
  #checking = false;
  #blocked = false;
  #retryMs = 0;
  #stopRetry: (() => void) | null = null;
  #stopBehind: (() => void) | null = null;
  readonly #stopTicks: () => void;
  #fault: WeirError | null = null;
  #closed = false;
  /** Asked once a group and a second, since it looks at files. */
  #clockTrusted = true;
  #idle: (() => void)[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#nextSeq = options.log.bounds().last + 1;
    this.#clockTrusted = options.clock.trusted();
    this.#timers = options.timers ?? SYSTEM_TIMERS;
    this.#lastAppendMs = this.#timers.nowMs();
    this.#stopTicks = this.#timers.every(1_000, () => this.#tick());
  }

  /** True while no more should be offered: the reader of a socket stops, and an HTTP writer is told to try again. */
  pressure(): boolean {
    return this.#blocked;
  }

  /** Why readings are not acknowledged now; null when all is well. */
  fault(): WeirError | null {
    return this.#fault;
  }

  /** Called each time that pressure ends. Answers how to stop listening. */
  onRelease(listener: () => void): () => void {
    this.#onRelease.add(listener);
    return () => this.#onRelease.delete(listener);
  }

  offer(
    topic: string,
    payload: Uint8Array,
    arrivalMs: number,
    done: (fault: WeirError | null) => void,
  ): void {
    if (this.#blocked || this.#closed) {
      done(this.#fault ?? new WeirError('WEIR_BUSY', 'The log is behind; try again in a moment.'));
      return;
    }
    this.offerTo({ settle: (_tag, fault) => done(fault) }, 0, topic, payload, arrivalMs);
  }

  /** The same of what came at another time than now, be it that nobody knows it. */
  offerOf(
    topic: string,
    payload: Uint8Array,
    arrivalMs: number,
    done: (fault: WeirError | null) => void,
  ): void {
    const trusted = this.#clockTrusted;
    this.#clockTrusted = true;
    try {
      this.offer(topic, payload, arrivalMs, done);
    } finally {
      this.#clockTrusted = trusted;
    }
  }

  // HOT: once a message. The caller has asked `pressure()`.
  offerTo(sink: AckSink, tag: number, topic: string, payload: Uint8Array, arrivalMs: number): void {
    const { builder } = this.#options;
    builder.add(topic, payload, this.#clockTrusted ? arrivalMs : Number.NaN);
    this.#sinks.push(sink);
    this.#tags.push(tag);
    if (builder.readings >= LIMITS.recordReadings || builder.bytes >= LIMITS.recordBytes) this.#cut();
    else if (!this.#checking) this.#beginChecking();
    else if (this.#sinks.length === this.#wanted && this.#groups.length === 0) this.#timers.soon(this.#check);
  }

  #full(): boolean {
    const { builder } = this.#options;
    return builder.readings >= LIMITS.recordReadings || builder.bytes >= LIMITS.recordBytes;
  }

  /** Resolves when all that was offered is durable and told. */
  async drain(): Promise<void> {
    this.#cut();
    if (this.#groups.length === 0 && this.#sinks.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Takes no more; what is under way may still become durable. */
  close(): void {
    this.#closed = true;
    this.#stopTicks();
    this.#stopRetry?.();
    this.#stopRetry = null;
    this.#stopBehind?.();
  }

  #beginChecking(): void {
    this.#checking = true;
    this.#openedMs = this.#timers.nowMs();
    this.#seenOffers = 0;
    if (this.#enough()) this.#timers.soon(this.#check);
    else this.#timers.after(1, this.#check);
  }

  /** Cuts the open group when it has stopped growing or has waited long enough. */
  readonly #check = (): void => {
    this.#checking = false;
    const offers = this.#sinks.length;
    if (offers === 0 || this.#groups.length > 0) return;
    const grows = offers > this.#seenOffers && !this.#enough();
    if (grows && this.#timers.nowMs() - this.#openedMs < LINGER_MS) {
      this.#seenOffers = offers;
      this.#checking = true;
      this.#timers.after(1, this.#check);
    } else this.#cut();
  };

  #enough(): boolean {
    return this.#sinks.length >= this.#wanted;
  }

  /** Closes the open group and appends it, if there is room; else the group stays open and pressure begins. */
  #cut(): void {
    const { builder, clock } = this.#options;
    if (this.#sinks.length === 0) return;
    const behind = this.#options.behind?.() ?? false;
    if (behind || this.#groups.length >= LOG_IN_FLIGHT) {
      this.#blocked ||= this.#full();
      if (behind) this.#lookAgain();
      return;
    }
    this.#wanted = this.#sinks.length < BUSY_READINGS ? 0 : this.#sinks.length >> 2;
    this.#clockTrusted = clock.trusted();
    const record = builder.take(this.#nextSeq++, clock.nowMs(), this.#clockTrusted);
    this.#groups.push({ record, sinks: this.#sinks, tags: this.#tags, state: 'waiting', bytes: null });
    this.#sinks = [];
    this.#tags = [];
    this.#send();
  }

  #lookAgain(): void {
    if (this.#stopBehind) return;
    this.#stopBehind = this.#timers.after(BEHIND_MS, () => {
      this.#stopBehind = null;
      this.#cut();
      this.#next();
    });
  }

  #send(): void {
    if (this.#stopRetry) return;
    for (const group of this.#groups) if (group.state === 'waiting') this.#append(group);
  }

  #append(group: Group): void {
    group.state = 'appending';
    this.#lastAppendMs = this.#timers.nowMs();
    this.#options.log.append(group.record).then(
      (bytes) => {
        group.bytes = bytes;
        group.state = 'durable';
        this.#settle();
      },
      (fault: unknown) => {
        group.state = 'waiting';
        this.#failed(fault);
      },
    );
  }

  /** Tells the groups at the head that are durable, oldest first, and lets the next ones go. */
  #settle(): void {
    this.#retryMs = 0;
    this.#fault = null;
    while (this.#groups.length > 0 && this.#groups[0].state === 'durable') {
      const group = this.#groups.shift() as Group;
      if (group.bytes) this.#options.onDurable(group.record, group.bytes);
      for (let i = 0; i < group.sinks.length; i++) group.sinks[i].settle(group.tags[i], null);
      this.#options.onSettled?.();
    }
    this.#next();
  }

  #next(): void {
    const goes = this.#groups.length === 0 && this.#sinks.length > 0 && this.#enough();
    if (goes || this.#full()) this.#cut();
    else if (this.#sinks.length > 0 && !this.#checking) this.#beginChecking();
    if (this.#blocked && !this.#full()) {
      this.#blocked = false;
      for (const listener of this.#onRelease) listener();
    }
    if (this.#groups.length === 0 && this.#sinks.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
    } else if (this.#idle.length > 0) this.#cut();
  }

  /** The record stays at its place. Retried after a pause that grows, and only when nothing else is in flight. */
  #failed(fault: unknown): void {
    const known = fault instanceof WeirError ? fault : null;
    const unavailable = () =>
      new WeirError('WEIR_LOG_UNAVAILABLE', 'The log refused a write; it is tried again.', { cause: fault });
    if (this.#fault?.code !== known?.code || !this.#fault)
      this.#options.logger.error({ err: fault }, 'the log refuses; readings are not acknowledged');
    this.#fault = known ?? unavailable();
    if (this.#closed || this.#stopRetry) return;
    this.#retryMs = Math.min(RETRY_MOST_MS, Math.max(RETRY_FIRST_MS, this.#retryMs * 2));
    this.#stopRetry = this.#timers.after(this.#retryMs, () => this.#retry());
  }

  #retry(): void {
    this.#stopRetry = null;
    if (this.#groups.some((group) => group.state === 'appending')) {
      this.#stopRetry = this.#timers.after(RETRY_FIRST_MS, () => this.#retry());
    } else this.#send();
  }

  /** An empty record carries the wall time to the engine, so that idle windows close. */
  #tick(): void {
    this.#clockTrusted = this.#options.clock.trusted();
    if (this.#groups.length > 0 || this.#sinks.length > 0) return;
    if (this.#timers.nowMs() - this.#lastAppendMs < TICK_MS) return;
    this.#sinks.push({ settle() {} });
    this.#tags.push(0);
    this.#cut();
  }
}
