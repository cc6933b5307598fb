import { newReplay, type StoredReplay } from '../../node/src/board/replay/replay-file.ts';
import { ReplayRun, type RunPorts } from '../../node/src/board/replay/replay-run.ts';
import {
  differencesIn,
  isWeirError,
  type Site,
  type TierDifference,
  WeirError,
} from '../../node/src/contract/index.ts';
import { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import type { Draw } from './draw.ts';
import { Violation } from './journal.ts';
import type { Plant } from './plant.ts';
import type { Beside, SimBoard } from './sim-board.ts';
import { SimCalls } from './sim-calls.ts';
import { SimPins } from './sim-pins.ts';
import { SimShadow } from './sim-shadow.ts';
import type { SimShard } from './sim-shard.ts';

/** A replay whose shards' threads were started again is tried so often. */
const TRIES = 5;
/** Of the run of a replay, until it asks for something: the log is read meanwhile. */
const TICKS = 1_000;

/** What replays of one simulation did. */
export interface ReplayReport {
  begun: number;
  /** Comparisons that came to their end, and the buckets of them. */
  finished: number;
  compared: number;
  seeded: number;
  resumed: number;
  applied: number;
  /** Buckets that had gone wrong, and that a replay has put right. */
  mended: number;
}

interface Running {
  run: ReplayRun;
  control: AbortController;
  apply: boolean;
  /** It waited to be applied: meanwhile the log was not kept for it. */
  waited: boolean;
  tries: number;
  outcome: { tiers: TierDifference[] } | { fault: unknown } | null;
}

/**
 * Reads the log of a simulated board again: the product's run of a replay, over a shadow in memory. Stands for the list of
 * replays of a board, with one replay at a time: what is kept of it and its shadow outlive a crash, its run does not.
 */
export class SimReplay implements Beside {
  readonly #site: Site;
  readonly #board: SimBoard;
  readonly #plant: Plant;
  readonly #draw: Draw;
  readonly #calls = new SimCalls();
  readonly #pins: SimPins;
  #shadow = new MemoryRunStore();
  #stored: StoredReplay | null = null;
  /** What is on the disk of it. */
  #saved: StoredReplay | null = null;
  #running: Running | null = null;
  /** Buckets of what is stored that are wrong; `all` while no replay may have put some of them right already. */
  #damaged: { buckets: number; all: boolean } | null = null;
  readonly report: ReplayReport = {
    begun: 0,
    finished: 0,
    compared: 0,
    seeded: 0,
    resumed: 0,
    applied: 0,
    mended: 0,
  };

  constructor(parts: { site: Site; board: SimBoard; plant: Plant; draw: Draw }) {
    this.#site = parts.site;
    this.#board = parts.board;
    this.#plant = parts.plant;
    this.#draw = parts.draw;
    this.#pins = new SimPins(parts.site, parts.board.store, parts.plant);
  }

  /** Whether it has come to its end, or waits for somebody. */
  get atRest(): boolean {
    return this.#running === null && this.#damaged === null;
  }

  keepFromSeq(): number | null {
    return this.#plant.keptForReplay(this.#running?.run.keepFromSeq ?? null);
  }

  /** One is asked for, of the whole log or of a part of it. */
  begin(whole: boolean): string {
    if (this.#stored !== null) this.#finish('cancelled');
    const from = whole || this.#draw.chance(0.5) ? null : this.#someTime();
    const to = whole || this.#draw.chance(0.8) ? null : this.#someTime();
    const isExact = from === null && this.#board.log.bounds().first === 1;
    const stored = newReplay(this.#site, {
      id: ++this.report.begun,
      rollups: this.#site.rollups.map(({ name }) => name),
      reason: 'asked',
      apply: this.#damaged !== null || ((isExact || !this.#isNoisy) && this.#draw.chance(0.4)),
      from,
      to,
      startedAt: this.#board.wallMs,
    });
    this.#stored = stored;
    this.#save();
    this.#start(stored.replay.apply, false);
    return `${stored.replay.id} is begun, from ${from} to ${to}${stored.replay.apply ? ', to be applied' : ''}`;
  }

  /** So many buckets of what is stored are wrong from now on: all is read again until they are right. */
  mend(buckets: number): string {
    this.#damaged = { buckets, all: true };
    return this.begin(true);
  }

  #someTime(): number {
    return this.#board.startMs + this.#draw.whole(-600_000, 600_000 + this.#board.time.nowMs());
  }

  /** One step of what is under way, or of whoever waits for it. */
  async step(): Promise<string> {
    const running = this.#running;
    if (running === null) return this.#damaged === null ? this.#decide() : this.begin(true);
    await this.#settle(running);
    if (running.outcome !== null) return this.#ended(running, running.outcome);
    if (this.#draw.chance(0.004)) {
      running.control.abort(new DOMException('cancelled', 'AbortError'));
      return 'is cancelled';
    }
    if (this.#calls.waiting === 0) throw new Violation('a replay does nothing and does not end');
    // One disk.
    this.#shadow.refusal = this.#board.store.refusal;
    return this.#calls.step(this.#draw);
  }

  /** The run goes on until it asks for something, or has come to its end. */
  async #settle(running: Running): Promise<void> {
    for (let tick = 0; tick < TICKS && running.outcome === null && this.#calls.waiting === 0; tick++)
      await null;
  }

  /** A report waits for somebody to apply it or to drop it. */
  #decide(): string {
    const stored = this.#stored;
    if (stored === null || this.#draw.chance(0.3)) return this.begin(false);
    if (this.#draw.chance(0.3)) {
      this.#finish('cancelled');
      return 'is dropped';
    }
    stored.replay.state = 'applying';
    this.#save();
    this.#start(true, true);
    return 'is to be applied after all';
  }

  #start(apply: boolean, waited: boolean, tries = 1): void {
    const control = new AbortController();
    const run = new ReplayRun(this.#stored!, this.#ports(), control.signal);
    const running: Running = { run, control, apply, waited, tries, outcome: null };
    this.#running = running;
    run.run(apply).then(
      (tiers) => {
        running.outcome = { tiers };
      },
      (fault: unknown) => {
        running.outcome = { fault };
      },
    );
  }

  /** Of one life of the process: whoever still goes on after it has nothing to speak to. */
  #ports(): RunPorts {
    const board = this.#board;
    const { life } = board;
    const alive = () => life === board.life;
    const gone = new Promise<never>(() => undefined);
    return {
      site: this.#site,
      plan: null,
      log: board.log,
      storeDir: '',
      checkpointReadings: this.#draw.of([1e9, 40, 10]),
      thread: (setup) => {
        const shadow = new SimShadow(setup, this.#shadow, this.#plant);
        return {
          call: <T>(method: string, params: unknown, signal: AbortSignal = new AbortController().signal) =>
            alive() ? (this.#calls.call(shadow, shadow.work(method, params), signal) as Promise<T>) : gone,
          end: async () => this.#calls.cut(shadow, new Error('the thread has ended')),
        };
      },
      keys: async () => {
        let keys = 0;
        for (const { engine } of board.shards) keys += engine.stats().keys;
        return keys;
      },
      archived: () => null,
      nowMs: () => board.wallMs,
      clockTrusted: () => board.trusted,
      ask: <T>(method: string, params: unknown, signal: AbortSignal) =>
        alive() ? this.#ask<T>(method, params, signal) : gone,
      save: () => {
        if (alive()) this.#save();
      },
      dropShadow: () => {
        if (alive()) this.#shadow = new MemoryRunStore();
      },
    };
  }

  async #ask<T>(method: string, params: unknown, signal: AbortSignal): Promise<T[]> {
    const { shards } = this.#board;
    const shadow = this.#shadow;
    const all = shards.map((shard) =>
      this.#calls.call(shard, this.#pins.work(method, params, shard, shadow), signal),
    );
    return (await Promise.all(all)) as T[];
  }

  #save(): void {
    this.#saved = structuredClone(this.#stored);
  }

  #finish(state: StoredReplay['replay']['state']): string {
    const id = this.#stored!.replay.id;
    this.#stored = null;
    this.#running = null;
    this.#save();
    this.#shadow = new MemoryRunStore();
    return `${id} is ${state}`;
  }

  #ended(running: Running, outcome: NonNullable<Running['outcome']>): string {
    if ('tiers' in outcome) {
      this.#look(outcome.tiers);
      if (running.apply) {
        this.report.applied++;
        this.report.mended += this.#damaged?.buckets ?? 0;
        this.#damaged = null;
        return this.#finish('applied');
      }
      this.#stored!.replay.state = 'ready';
      this.#running = null;
      this.#save();
      return 'is ready';
    }
    this.#interrupted();
    const { fault } = outcome;
    if (running.control.signal.aborted) return this.#finish('cancelled');
    if (!isWeirError(fault)) throw fault;
    if (fault.code === 'WEIR_NOT_READY' && running.tries < TRIES) {
      this.#start(running.apply, running.waited, running.tries + 1);
      return 'is tried again';
    }
    this.#expectFault(fault, running);
    return `${this.#finish('failed')}: ${fault.message}`;
  }

  /** Faults that a replay may end with. */
  #expectFault(fault: WeirError, { waited }: Running): void {
    const { code } = fault;
    if (code === 'WEIR_STORE_FULL' || code === 'WEIR_STORE_UNAVAILABLE' || code === 'WEIR_NOT_READY') return;
    if (code === 'WEIR_BAD_QUESTION' && this.#stored!.replay.to !== null) return;
    if (code === 'WEIR_ARCHIVE_UNAVAILABLE' && waited) return;
    throw new Violation(`a replay failed: ${code} ${fault.message}`);
  }

  #look(tiers: TierDifference[]): void {
    const { since, replay } = this.#stored!;
    this.report.finished++;
    if (since !== null) this.report.seeded++;
    for (const { equal } of tiers) this.report.compared += equal;
    if (since !== null && this.#isNoisy) return;
    const found = tiers.reduce((sum, tier) => sum + differencesIn(tier), 0);
    const expected = this.#damaged ?? { buckets: 0, all: true };
    if (expected.all ? found === expected.buckets : found <= expected.buckets) return;
    const differing = tiers.filter((tier) => differencesIn(tier) > 0);
    const shown = differing.map((tier) => JSON.stringify(tier)).join('\n  ');
    throw new Violation(
      `replay ${replay.id} of records from ${replay.records.from} on differs in ${found} buckets, of which ${expected.buckets} are wrong:\n  ${shown}`,
    );
  }

  /** The first step of a register after a replay's beginning may differ by its noise. */
  get #isNoisy(): boolean {
    return this.#site.streams.some(({ fields }) => fields.some(({ register }) => (register?.noise ?? 0) > 0));
  }

  /** A replay that was putting right what is wrong may have done a part of it. */
  #interrupted(): void {
    if (this.#damaged !== null) this.#damaged.all = false;
  }

  threadEnded(shard: SimShard): void {
    this.#interrupted();
    this.#pins.unpin(shard);
    this.#calls.cut(shard, new WeirError('WEIR_NOT_READY', 'the thread that was asked has stopped'));
  }

  crashed(doubtfulLands: boolean): void {
    this.#interrupted();
    this.#calls.forget();
    this.#pins.forget();
    this.#running = null;
    this.#shadow.crash(doubtfulLands);
    this.#stored = structuredClone(this.#saved);
    const replay = this.#stored?.replay;
    if (replay === undefined || replay.state === 'ready') return;
    this.report.resumed++;
    this.#start(replay.state === 'applying' || replay.apply, replay.state === 'applying');
  }
}
