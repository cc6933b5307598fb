import type { WeirError } from '../../node/src/contract/index.ts';
import { checkEverything } from './check.ts';
import { damage } from './damage.ts';
import { Device } from './device.ts';
import { Draw } from './draw.ts';
import { Journal, Violation } from './journal.ts';
import { type Plant, SOUND } from './plant.ts';
import { SimBoard } from './sim-board.ts';
import { type ReplayReport, SimReplay } from './sim-replay.ts';
import { type SimSite, simSite } from './sim-site.ts';
import { type Message, SHARDS, traffic } from './traffic.ts';

export interface SimOptions {
  seed: number;
  plant?: Plant;
  /** With registers whose steps are judged: greatest rate, noise, modulus, greatest gap. */
  judged?: boolean;
  /** Told of every step. */
  trace?: (step: string) => void;
}

export interface SimReport {
  steps: number;
  records: number;
  readings: number;
  crashes: number;
  replays: ReplayReport;
}

/** A simulation that neither ends nor gets on is a fault of its own. */
const MOST_STEPS = 20_000;

/** Time is not moved on by more than this in one step. */
const MOST_IDLE_MS = 20 * 60_000;

/** Faults that may come while a replay puts right what is wrong. */
const WHILE_MENDING = ['crash', 'thread ends', 'store refuses'];

interface Action {
  name: string;
  /** How often it is drawn while it can be; 0 while it cannot. */
  weight(): number;
  /** Answers what it did, for the trace. */
  run(): string | Promise<string>;
  /** Whether it also belongs to the time after the faults, when all comes to rest. */
  calm: boolean;
}

/**
 * One board from its first reading until all is acknowledged and counted, with everything in between that a seed
 * draws: order of all steps, crashes, faults of the disk, jumps of the clock, retention. Throws a `Violation` when
 * something is seen that must never be.
 */
export async function simulate(options: SimOptions): Promise<SimReport> {
  const run = new Simulation(options);
  return run.toTheEnd();
}

class Simulation {
  readonly #draw: Draw;
  /** Of replays alone, so that a seed's other steps are the same with and without them. */
  readonly #replayDraw: Draw;
  readonly #replay: SimReplay;
  readonly #replays: boolean;
  readonly #site: SimSite;
  readonly #board: SimBoard;
  readonly #devices: Device[];
  readonly #journal = new Journal();
  readonly #trace: (step: string) => void;
  readonly #actions: Action[];
  readonly #owner = new Map<Message, Device>();
  #acked: Message[] = [];
  #mended = false;
  #steps = 0;
  #crashes = 0;
  /** Steps with faults; what is left after them comes to rest without. */
  readonly #stormy: number;

  constructor({ seed, plant, judged, trace }: SimOptions) {
    this.#draw = new Draw(`weir simulation ${seed}`);
    this.#trace = trace ?? (() => undefined);
    this.#site = simSite(this.#draw, judged ?? false);
    const sent = traffic(`world ${seed}`, this.#draw, 70);
    this.#devices = sent.devices.map((messages) => new Device(messages));
    sent.devices.forEach((messages, at) => {
      for (const message of messages) this.#owner.set(message, this.#devices[at]);
    });
    this.#board = new SimBoard({
      site: this.#site.site,
      startMs: sent.startMs,
      segmentRecords: this.#draw.whole(2, 12),
      plant: plant ?? SOUND,
      acks: { settled: (message, life, fault) => this.#settled(message, life, fault) },
    });
    this.#replayDraw = new Draw(`replays ${seed}`);
    this.#replays = this.#replayDraw.chance(0.6);
    this.#replay = new SimReplay({
      site: this.#site.site,
      board: this.#board,
      plant: plant ?? SOUND,
      draw: this.#replayDraw,
    });
    this.#board.beside = this.#replay;
    this.#stormy = this.#draw.whole(50, 700);
    this.#actions = [...this.#ordinary(), ...this.#faults()];
  }

  async toTheEnd(): Promise<SimReport> {
    const { site } = this.#site;
    this.#trace(`${site.timezone}, ids ${site.streams[0].idFields}, raw ${site.retention.rawMs} ms`);
    while (this.#steps < this.#stormy && !this.#atRest()) await this.#step(this.#actions);
    this.#becalm();
    const calm = this.#actions.filter((action) => action.calm);
    await this.#mend(calm);
    await this.#stepUntil(() => this.#atRest(), calm);
    if (this.#draw.chance(0.3)) {
      // All of it once more from what is stored.
      this.#crash();
      await this.#stepUntil(() => this.#atRest(), calm);
    }
    await this.#lastReplay(calm);
    await this.#journal.check(this.#board.log);
    const { first } = this.#board.log.bounds();
    if (!this.#site.forgets && first > 1)
      throw new Violation(`records before ${first} are forgotten, and nothing is to be`);
    const readings = await checkEverything(this.#site.site, this.#board, this.#journal, this.#mended);
    return {
      steps: this.#steps,
      records: this.#journal.records.length,
      readings,
      crashes: this.#crashes,
      replays: this.#replay.report,
    };
  }

  async #step(actions: Action[]): Promise<void> {
    const weights = actions.map((action) => action.weight());
    const action = actions[this.#draw.weighted(weights)];
    this.#steps++;
    const done = await action.run();
    // What the step has settled is told to whoever waits for it before the next one.
    for (let tick = 0; tick < 4; tick++) await null;
    this.#trace(`${this.#steps} ${this.#board.time.nowMs()} ms  ${action.name}: ${done}`);
    await this.#journal.follow(this.#board.log);
    for (const message of this.#acked.splice(0)) this.#journal.expectSafe(message);
    await this.#readAgain(actions);
  }

  /** Between any two steps a replay may do some. */
  async #readAgain(actions: Action[]): Promise<void> {
    if (!this.#replays) return;
    const draw = this.#replayDraw;
    const begins = actions === this.#actions ? 0.03 : 0.003;
    while (draw.chance(this.#replay.atRest ? begins : 0.6)) {
      this.#trace(`  replay: ${await this.#replay.step()}`);
    }
  }

  /** Some of what is stored goes wrong, and a replay puts it right, while readings come and the power goes. */
  async #mend(calm: Action[]): Promise<void> {
    const draw = this.#replayDraw;
    if (!this.#replays || this.#site.forgets || draw.chance(0.3)) return;
    await this.#stepUntil(() => this.#replay.atRest, calm);
    let damaged = 0;
    for (const shard of SHARDS) damaged += await damage(this.#site.site, this.#board.store, shard, draw);
    if (damaged === 0) return;
    this.#mended = true;
    this.#trace(`${damaged} buckets are wrong`);
    this.#trace(`  replay: ${this.#replay.mend(damaged)}`);
    // Checkpoints come often, since they may fall between a look at the store and what is written by it.
    const some = this.#actions
      .filter((one) => one.calm || WHILE_MENDING.includes(one.name))
      .map((one) => (one.name === 'checkpoint' ? { ...one, weight: () => 15 } : one));
    for (let left = draw.whole(50, 700); left > 0 && !this.#replay.atRest; left--) await this.#step(some);
    this.#becalm();
    await this.#stepUntil(() => this.#replay.atRest, calm);
  }

  /** What is under way comes to its end; mostly all is read once more. */
  async #lastReplay(calm: Action[]): Promise<void> {
    if (!this.#replays) return;
    const toItsEnd = () => this.#stepUntil(() => this.#replay.atRest && this.#atRest(), calm);
    await toItsEnd();
    if (this.#replayDraw.chance(0.3)) return;
    this.#trace(`  replay: ${this.#replay.begin(true)}`);
    await toItsEnd();
  }

  #atRest(): boolean {
    return (
      this.#devices.every((device) => device.atRest) &&
      this.#board.shards.every(
        (shard) => !shard.behind && shard.engine.position === this.#board.log.bounds().last,
      )
    );
  }

  async #stepUntil(done: () => boolean, calm: Action[]): Promise<void> {
    while (!done()) {
      if (this.#steps > MOST_STEPS) throw new Violation(`not at rest after ${MOST_STEPS} steps`);
      await this.#step(calm);
    }
  }

  #settled(message: Message, life: number, fault: WeirError | null): void {
    if (life !== this.#board.life)
      throw new Violation(`${message.name} was answered by a board that is gone`);
    const device = this.#owner.get(message)!;
    if (fault !== null) device.putBack(message);
    else {
      this.#acked.push(message);
      device.acked(message);
    }
  }

  /** What happens on a board on which nothing goes wrong. */
  #ordinary(): Action[] {
    const board = this.#board;
    const draw = this.#draw;
    const now = () => board.time.nowMs();
    const ready = () => this.#devices.filter((device) => device.nextMs() <= now());
    const moving = () => board.shards.filter((shard) => shard.behind);
    const until = (ms: number) => Math.max(1, Math.min(MOST_IDLE_MS, ms - now()));
    const nextReady = () => Math.min(...this.#devices.map((device) => device.nextMs()));
    return [
      this.#action(
        'send',
        8,
        () => !board.intake.pressure() && ready().length > 0,
        () => {
          const message = draw.of(ready()).take(now(), draw);
          board.offer(message);
          return message.name;
        },
      ),
      this.#action(
        'timer',
        8,
        () => board.time.due > 0,
        () => {
          board.time.fire();
          return '';
        },
      ),
      this.#action(
        'disk',
        6,
        () => board.commitsWaiting > 0,
        () => {
          board.commit();
          return `the log ends at ${board.log.bounds().last}`;
        },
      ),
      this.#action(
        'shard',
        6,
        () => moving().length > 0,
        async () => {
          const shard = draw.of(moving());
          return `${shard.shard} ${await shard.step()}`;
        },
      ),
      this.#action(
        'checkpoint',
        1.5,
        () => true,
        async () => {
          const shard = draw.of(board.shards);
          if (!shard.checkpointing && draw.chance(0.6)) return 'is not due';
          return `${shard.shard} ${await shard.checkpointStep()}`;
        },
      ),
      this.#action(
        'time',
        3,
        () => true,
        () => {
          const toDevice = until(nextReady());
          board.time.advance(
            draw.of([1, 3, draw.whole(1, 2_000), until(board.time.nextMs), toDevice, toDevice]),
          );
          return '';
        },
      ),
      this.#action(
        'fold',
        0.2,
        () => true,
        () => {
          const { shard } = draw.of(board.shards);
          board.store.fold(shard);
          return String(shard);
        },
      ),
      this.#action(
        'retention',
        this.#site.forgets ? 0.4 : 0.05,
        () => true,
        () => board.retain(),
      ),
    ];
  }

  /** What may go wrong. */
  #faults(): Action[] {
    const board = this.#board;
    const draw = this.#draw;
    const fault = (name: string, weight: number, run: () => string) => ({
      ...this.#action(name, weight, () => true, run),
      calm: false,
    });
    return [
      fault('crash', 0.25, () => this.#crash()),
      fault('thread ends', 0.15, () => {
        const at = draw.whole(0, board.shards.length);
        board.restartShard(at);
        return String(board.shards[at].shard);
      }),
      fault('store is damaged', 0.05, () => {
        if (board.log.bounds().first > 1) return 'but could not be rebuilt';
        const at = draw.whole(0, board.shards.length);
        board.rebuildShard(at);
        return `and rebuilt: ${board.shards[at].shard}`;
      }),
      fault('log fails', 0.2, () => {
        const on = draw.chance(0.5);
        if (draw.chance(0.5)) board.log.faults.failing(on);
        else board.log.faults.full(on);
        return on ? 'from now on' : 'no longer';
      }),
      fault('store refuses', 0.25, () => {
        const on = draw.chance(0.5);
        board.storeRefuses(on);
        return on ? 'from now on' : 'no longer';
      }),
      fault('clock', 0.1, () => {
        board.clockOffMs = draw.of([0, 0, 0, 3_600_000, -3_600_000, 40_000, -90_000, -40 * 365 * 86_400_000]);
        board.synced = draw.chance(0.7);
        return `off by ${board.clockOffMs} ms, ${board.synced ? 'synced' : 'not synced'}`;
      }),
      fault('device repeats', 0.2, () => draw.of(this.#devices).repeat(draw)?.name ?? 'nothing'),
      fault('connection breaks', 0.1, () => {
        draw.of(this.#devices).reconnect();
        return '';
      }),
    ];
  }

  #action(name: string, weight: number, can: () => boolean, run: Action['run']): Action {
    return { name, weight: () => (can() ? weight : 0), run, calm: true };
  }

  #crash(): string {
    const kept = this.#draw.whole(0, 3);
    const lands = this.#draw.chance(0.5);
    this.#crashes++;
    this.#board.crash(kept, lands);
    for (const device of this.#devices) device.reconnect();
    return `appends that landed: up to ${kept}; a commit in doubt ${lands ? 'landed' : 'did not land'}`;
  }

  #becalm(): void {
    this.#board.log.faults.failing(false);
    this.#board.storeRefuses(false);
    this.#board.clockOffMs = 0;
    this.#board.synced = true;
    this.#trace('the faults are over');
  }
}
