import type { Logger } from 'pino';
import {
  differencesIn,
  isWeirError,
  parseSite,
  type Replay,
  type ReplayQuestion,
  type ReplaysAnswer,
  type ShardStats,
  type Site,
  type StatusAnswer,
  WeirError,
} from '../../contract/index.ts';
import type { CommitLog } from '../../log/port.ts';
import type { ReplaySetup } from '../../shard/shadow-messages.ts';
import type { ArchivedRaw } from '../archive-runs.ts';
import { CalledThread } from '../called-thread.ts';
import type { ReshapePlan } from '../reshape/reshape-plan.ts';
import { isOver, KEPT, newReplay, ReplayFiles, type StoredReplay, siteMark } from './replay-file.ts';
import { CHECKPOINT_READINGS, ReplayRun } from './replay-run.ts';

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
  clockTrusted(): boolean;
  /** Raw readings of streams from before a record of the log; null where nothing was ever archived. */
  archived(before: number, streams: string[]): ArchivedRaw | null;
  /** What an edit to that site file makes anew; null: nothing any more. */
  reshape(after: Site): ReshapePlan | null;
  /** An edit's tables are filled. */
  filled(stored: StoredReplay): void;
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
      if (stored.edit !== undefined) this.#resumeEdit(stored, mark);
      else if (stored.site !== mark)
        this.#finish(stored, 'cancelled', 'the site file says something else about streams or rollups now');
      else if (replay.state !== 'ready' && this.#running === null)
        this.#start(stored, replay.state === 'applying' || replay.apply);
      else if (replay.state !== 'ready') this.#finish(stored, 'failed', 'another replay was under way');
    }
  }

  /** It is over when the board runs the site file that it was made for. */
  #resumeEdit(stored: StoredReplay, mark: string): void {
    const { replay, edit } = stored;
    if (stored.site === mark) this.#finish(stored, 'applied', null);
    else if (edit!.of !== mark)
      this.#finish(stored, 'cancelled', 'the site file says something else about streams or rollups now');
    else if (replay.state === 'ready') this.#parts.filled(stored);
    else if (this.#running === null) this.#start(stored, true);
    else this.#finish(stored, 'failed', 'another replay was under way');
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

  /** Fills tables for an edit of the site file; the board begins anew with it when they are full. */
  edit(after: Site, text: string, rollups: string[]): Replay {
    const of = siteMark(this.#parts.site);
    return this.#begin(rollups, null, null, true, 'edit', { site: after, text, of }).replay;
  }

  /** The edit that is being filled, or is about to be taken over. */
  pendingEdit(): Replay | null {
    const stored = [...this.#all.values()].find(({ edit, replay }) => edit !== undefined && !isOver(replay));
    return stored?.replay ?? null;
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
    edited: { site: Site; text: string; of: string } | null = null,
  ): StoredReplay {
    if (this.#running !== null)
      throw new WeirError('WEIR_BUSY', `replay ${this.#running.stored.replay.id} is under way`, {
        suggestion: 'Wait for it, or cancel it.',
      });
    const edit = this.pendingEdit();
    if (edit !== null)
      throw new WeirError('WEIR_BUSY', `replay ${edit.id} of an edit is about to be taken over`);
    for (const { replay } of this.#all.values())
      if (replay.state === 'ready' && replay.rollups.some((name) => rollups.includes(name)))
        this.#finish(this.#stored(replay.id), 'cancelled', 'another replay of the same rollup was started');
    const stored = newReplay(edited?.site ?? this.#parts.site, {
      id: 1 + Math.max(0, ...this.#all.keys()),
      rollups,
      reason,
      apply,
      from,
      to,
      startedAt: this.#parts.nowMs(),
    });
    if (edited !== null) stored.edit = { text: edited.text, of: edited.of };
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
    if (stored.edit !== undefined)
      throw new WeirError('WEIR_BAD_QUESTION', `replay ${id} is of an edit, which applies itself`, {
        field: 'id',
      });
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
    const { log, entry, nowMs, clockTrusted, ask, logger, archived } = this.#parts;
    const site = siteOf(stored, this.#parts.site);
    const plan = stored.edit === undefined ? null : this.#parts.reshape(site);
    if (stored.edit !== undefined && plan === null) {
      this.#finish(stored, 'failed', 'what is stored fits the edited site file as it is; apply it again');
      return;
    }
    const ports = {
      site,
      plan,
      log,
      thread: (setup: ReplaySetup) => new CalledThread(entry, setup),
      archived,
      nowMs,
      clockTrusted,
      ask: <T>(method: string, params: unknown, signal: AbortSignal) => ask<T>(method, params, signal),
      storeDir: this.#files.storeDir(replay.id),
      checkpointReadings: CHECKPOINT_READINGS,
      keys: async (signal: AbortSignal) => {
        const threads = await ask<{ shards: ShardStats[] }>('stats', {}, signal);
        return threads.flatMap(({ shards }) => shards).reduce((sum, { keys }) => sum + keys, 0);
      },
      save: () => this.#files.save(stored),
      dropShadow: () => this.#files.dropShadow(replay.id),
    };
    for (let tries = 1; ; tries++) {
      try {
        running.run = new ReplayRun(stored, ports, control.signal);
        const tiers = await running.run.run(apply);
        replay.tiers = tiers;
        replay.differences = tiers.reduce((sum, one) => sum + differencesIn(one), 0);
        if (plan !== null) {
          this.#ready(stored);
          this.#parts.filled(stored);
        } else if (apply) this.#finish(stored, 'applied', null);
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

/** An edit is made for the site file that it brings. */
function siteOf({ edit }: StoredReplay, running: Site): Site {
  const edited = edit === undefined ? null : parseSite(edit.text, 'site.yaml').site;
  return edited ?? running;
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
