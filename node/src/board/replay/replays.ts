import type { Logger } from 'pino';
import {
  isWeirError,
  type Replay,
  type ReplayQuestion,
  type ReplaysAnswer,
  type Site,
  type StatusAnswer,
  WeirError,
} from '../../contract/index.ts';
import type { CommitLog } from '../../log/port.ts';
import { isOver, KEPT, newReplay, ReplayFiles, type StoredReplay, siteMark } from './replay-file.ts';
import { ReplayRun } from './replay-run.ts';

/** A thread that serves was started again under the replay: it is tried again after this long, this many times. */
const AGAIN_MS = 5_000;
const TRIES = 5;

export interface ReplaysParts {
  site: Site;
  dir: string;
  log: CommitLog;
  entry: URL;
  logger: Logger;
  nowMs(): number;
  ask<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]>;
}

interface Running {
  stored: StoredReplay;
  run: ReplayRun | null;
  control: AbortController;
  ended: Promise<void>;
}

/** All replays of the board: one runs at a time, the reports of the last ones are kept. */
export class Replays {
  readonly #parts: ReplaysParts;
  readonly #files: ReplayFiles;
  readonly #all = new Map<number, StoredReplay>();
  #running: Running | null = null;
  #closing = false;

  constructor(parts: ReplaysParts) {
    this.#parts = parts;
    this.#files = new ReplayFiles(parts.dir);
    for (const stored of this.#files.load()) this.#all.set(stored.replay.id, stored);
  }

  /** Goes on with what was under way when the process ended. */
  resume(): void {
    const mark = siteMark(this.#parts.site);
    for (const stored of this.#all.values()) {
      const { replay } = stored;
      if (isOver(replay)) continue;
      if (stored.site !== mark)
        this.#finish(stored, 'cancelled', 'the site file says something else about streams or rollups now');
      else if (replay.state !== 'ready' && this.#running === null)
        this.#start(stored, replay.state === 'applying' || replay.apply);
      else if (replay.state !== 'ready') this.#finish(stored, 'failed', 'another replay was under way');
    }
  }

  list(): ReplaysAnswer {
    return { replays: [...this.#all.values()].map(({ replay }) => replay).reverse() };
  }

  get(id: number): Replay {
    return this.#stored(id).replay;
  }

  /** The last report of the nightly job that came to an end. */
  lastReconciled(): StatusAnswer['reconciled'] {
    const reports = [...this.#all.values()].map(({ replay }) => replay);
    const last = reports.findLast((one) => one.reason === 'reconcile' && isOver(one));
    if (last === undefined) return null;
    const { id, from, to, state, differences, endedAt, fault } = last;
    return { id, from, to, state, differences, endedAt, fault };
  }

  /** Null when nothing of the log is needed. */
  keepFromSeq(): number | null {
    return this.#running?.run?.keepFromSeq ?? null;
  }

  begin(question: ReplayQuestion): Replay {
    return this.#begin([question.rollup], question.from, question.to, question.apply, 'asked').replay;
  }

  /** Reads a span of all rollups again, corrects what differs, and answers the report. */
  async reconcile(from: number, to: number): Promise<Replay> {
    const names = this.#parts.site.rollups.map(({ name }) => name);
    const stored = this.#begin(names, from, to, true, 'reconcile');
    await this.#running?.ended;
    return stored.replay;
  }

  /** Rollups, or parts of them, that a site file added: after a replay that is under way. */
  fill(rollups: string[]): void {
    const running = this.#running;
    if (running === null) this.#begin(rollups, null, null, true, 'site');
    else
      void running.ended.then(() => {
        if (!this.#closing) this.fill(rollups);
      });
  }

  #begin(
    rollups: string[],
    from: number | null,
    to: number | null,
    apply: boolean,
    reason: Replay['reason'],
  ): StoredReplay {
    if (this.#running !== null)
      throw new WeirError('WEIR_BUSY', `replay ${this.#running.stored.replay.id} is under way`, {
        suggestion: 'Wait for it, or cancel it.',
      });
    for (const { replay } of this.#all.values())
      if (replay.state === 'ready' && replay.rollups.some((name) => rollups.includes(name)))
        this.#finish(this.#stored(replay.id), 'cancelled', 'another replay of the same rollup was started');
    const stored = newReplay(this.#parts.site, {
      id: 1 + Math.max(0, ...this.#all.keys()),
      rollups,
      reason,
      apply,
      state: 'running',
      from,
      to,
      startedAt: this.#parts.nowMs(),
      endedAt: null,
      records: { from: 0, done: 0, to: 0 },
      readings: 0,
      tiers: [],
      differences: 0,
      fault: null,
    });
    this.#all.set(stored.replay.id, stored);
    this.#files.save(stored);
    this.#forgetOld();
    this.#start(stored, apply);
    return stored;
  }

  apply(id: number): Replay {
    const stored = this.#stored(id);
    if (stored.replay.state !== 'ready')
      throw new WeirError('WEIR_BAD_QUESTION', `replay ${id} is ${stored.replay.state}, not ready`, {
        field: 'id',
      });
    if (this.#running !== null)
      throw new WeirError('WEIR_BUSY', `replay ${this.#running.stored.replay.id} is under way`);
    stored.replay.state = 'applying';
    this.#files.save(stored);
    this.#start(stored, true);
    return stored.replay;
  }

  async cancel(id: number): Promise<Replay> {
    const stored = this.#stored(id);
    if (this.#running?.stored === stored) {
      this.#running.control.abort(new DOMException('cancelled', 'AbortError'));
      await this.#running.ended;
    }
    if (!isOver(stored.replay)) this.#finish(stored, 'cancelled', null);
    return stored.replay;
  }

  /** What is under way goes on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#running?.control.abort(new DOMException('closing', 'AbortError'));
    await this.#running?.ended;
  }

  #stored(id: number): StoredReplay {
    const stored = this.#all.get(id);
    if (stored !== undefined) return stored;
    throw new WeirError('WEIR_NOT_FOUND', `there is no replay ${id}`, { field: 'id' });
  }

  #start(stored: StoredReplay, apply: boolean): void {
    const running: Running = {
      stored,
      run: null,
      control: new AbortController(),
      ended: Promise.resolve(),
    };
    this.#running = running;
    running.ended = this.#run(running, apply).finally(() => {
      this.#running = null;
    });
  }

  async #run(running: Running, apply: boolean): Promise<void> {
    const { stored, control } = running;
    const { replay } = stored;
    const { site, log, entry, nowMs, ask, logger } = this.#parts;
    const ports = {
      site,
      log,
      entry,
      nowMs,
      ask: <T>(method: string, params: unknown, signal: AbortSignal) => ask<T>(method, params, signal),
      storeDir: this.#files.storeDir(replay.id),
      save: () => this.#files.save(stored),
      dropShadow: () => this.#files.dropShadow(replay.id),
    };
    for (let tries = 1; ; tries++) {
      try {
        running.run = new ReplayRun(stored, ports, control.signal);
        const tiers = await running.run.run(apply);
        replay.tiers = tiers;
        replay.differences = tiers.reduce((sum, one) => sum + one.changed + one.added + one.removed, 0);
        if (apply) this.#finish(stored, 'applied', null);
        else this.#ready(stored);
        return;
      } catch (fault) {
        if (control.signal.aborted) {
          if (!this.#closing) this.#finish(stored, 'cancelled', null);
          return;
        }
        const again = isWeirError(fault) && fault.code === 'WEIR_NOT_READY' && tries < TRIES;
        if (!again) {
          const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
          logger.error({ replay: replay.id }, `the replay failed: ${text}`);
          this.#finish(stored, 'failed', fault instanceof Error ? fault.message : String(fault));
          return;
        }
        await pause(AGAIN_MS, control.signal);
      }
    }
  }

  #ready(stored: StoredReplay): void {
    stored.replay.state = 'ready';
    stored.replay.endedAt = this.#parts.nowMs();
    this.#files.save(stored);
  }

  #finish(stored: StoredReplay, state: Replay['state'], fault: string | null): void {
    Object.assign(stored.replay, { state, fault, endedAt: this.#parts.nowMs() });
    this.#files.save(stored);
    this.#files.dropShadow(stored.replay.id);
  }

  #forgetOld(): void {
    const over = [...this.#all.values()].filter(({ replay }) => isOver(replay));
    for (const { replay } of over.slice(0, Math.max(0, over.length - KEPT))) {
      this.#all.delete(replay.id);
      this.#files.remove(replay.id);
    }
  }
}

/** Resolves early when it is aborted: whoever waits looks at the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
