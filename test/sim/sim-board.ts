import { clockTrust } from '../../node/src/board/clock-trust.ts';
import { Intake } from '../../node/src/broker/intake.ts';
import { silentLog } from '../../node/src/broker/rejections.ts';
import { GroupBuilder, type Site, SWAP_STREAM, WeirError } from '../../node/src/contract/index.ts';
import { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import { RetentionJob } from '../../node/src/jobs/retention-job.ts';
import { contractCodec } from '../../node/src/log/contract-codec.ts';
import { MemoryLog } from '../../node/src/log/memory-log.ts';
import type { Plant } from './plant.ts';
import { SimShard } from './sim-shard.ts';
import { type Message, SHARDS } from './traffic.ts';
import { VirtualTime } from './virtual-time.ts';

/** Records that wait for a shard before no more are appended. */
const BEHIND = 6;

/** What the devices see of the board. */
export interface Acks {
  /** `life` is the board's when the message was offered. */
  settled(message: Message, life: number, fault: WeirError | null): void;
}

/** Work of the board beside its shards. */
export interface Beside {
  /** The log from here on is needed; null: nothing of it. */
  keepFromSeq(): number | null;
  threadEnded(shard: SimShard): void;
  /** The board has started again. */
  crashed(doubtfulLands: boolean): void;
}

/**
 * One board without threads, sockets, disk or clock: the real intake, group builder, engines and retention job over a
 * log and a store in memory. It does nothing by itself: every step is told to it.
 */
export class SimBoard {
  readonly time = new VirtualTime();
  readonly log: MemoryLog;
  readonly store = new MemoryRunStore();
  readonly #site: Site;
  readonly #plant: Plant;
  readonly #acks: Acks;
  readonly startMs: number;
  /** What the log has been asked to make durable and has not yet. */
  readonly #commits: (() => void)[] = [];
  /** The board's clock is off by this much. */
  clockOffMs = 0;
  synced = true;
  life = 0;
  beside: Beside | null = null;
  #lastWallMs = 0;
  intake!: Intake;
  shards: SimShard[] = [];
  #retention!: RetentionJob;

  constructor(parts: { site: Site; startMs: number; segmentRecords: number; plant: Plant; acks: Acks }) {
    this.#site = parts.site;
    this.startMs = parts.startMs;
    this.#plant = parts.plant;
    this.#acks = parts.acks;
    this.log = new MemoryLog({
      codec: contractCodec,
      segmentRecords: parts.segmentRecords,
      later: (run) => this.#commits.push(run),
    });
    this.#start();
  }

  get wallMs(): number {
    return Math.floor(this.startMs + this.time.nowMs() + this.clockOffMs);
  }

  get trusted(): boolean {
    return clockTrust(this.wallMs, this.#lastWallMs, this.synced) !== 'unsynced';
  }

  #start(): void {
    this.life++;
    this.shards = SHARDS.map((shard) => this.#openShard(shard));
    this.intake = new Intake({
      log: this.#plant.log(this.log),
      builder: this.#plant.builder(
        new GroupBuilder({ ...this.#site, streams: [...this.#site.streams, SWAP_STREAM] }),
      ),
      clock: { nowMs: () => this.wallMs, trusted: () => this.trusted },
      onDurable: (record, bytes) => {
        if (record.clockTrusted) this.#lastWallMs = Math.max(this.#lastWallMs, record.wallMs);
        if (this.#plant.delivered(record.seq))
          for (const shard of this.shards) shard.durable(record.seq, bytes);
      },
      behind: () => this.shards.some((shard) => shard.waiting > BEHIND),
      logger: silentLog,
      timers: this.time,
    });
    this.#retention = new RetentionJob(this.#site, {
      clock: {
        nowMs: () => this.wallMs,
        monotonicMs: () => this.time.nowMs(),
        trusted: () => this.trusted,
      },
      shards: {
        retain: async (drops) => {
          for (const shard of SHARDS)
            for (const { table, beforePeriod } of drops) this.store.dropBefore(shard, table, beforePeriod);
        },
        tidy: async () => undefined,
        scrub: async () => [],
        leastCheckpointed: () => {
          const least = Math.min(...SHARDS.map((shard) => this.store.position(shard)));
          const needed = this.beside?.keepFromSeq() ?? Number.POSITIVE_INFINITY;
          return Math.min(this.#plant.leastCheckpointed(least), needed - 1);
        },
      },
      archive: null,
      log: this.log,
      report: ({ outcome, message }) => {
        this.forgot = `${outcome}: ${message}`;
      },
    });
  }

  /** What retention said last. */
  forgot = '';

  #openShard(shard: number): SimShard {
    return new SimShard({
      site: this.#site,
      shard,
      store: this.#plant.store(this.store),
      log: this.log,
      readFrom: (position) => this.#plant.readFrom(position),
    });
  }

  offer(message: Message): void {
    const { life } = this;
    this.intake.offer(message.topic, message.payload, this.wallMs, (fault) =>
      this.#acks.settled(message, life, fault),
    );
  }

  get commitsWaiting(): number {
    return this.#commits.length;
  }

  /** The disk has done what was asked of it. */
  commit(): void {
    this.#commits.shift()?.();
  }

  async retain(): Promise<string> {
    await this.#retention.run();
    return this.forgot;
  }

  /** A shard's thread ends and is started again. */
  restartShard(at: number): void {
    const before = this.shards[at];
    this.shards[at] = this.#openShard(SHARDS[at]);
    this.beside?.threadEnded(before);
  }

  /** What is stored of a shard was damaged: it is rebuilt from the log. */
  rebuildShard(at: number): void {
    this.store.reset(SHARDS[at]);
    this.restartShard(at);
  }

  /** The power goes and comes again. Of the appends under way the oldest `kept` turn out to be durable. */
  crash(kept: number, doubtfulLands: boolean): void {
    this.intake.close();
    this.time.forget();
    this.#commits.length = 0;
    this.log.faults.crash(kept);
    this.store.crash(doubtfulLands);
    this.#start();
    this.beside?.crashed(doubtfulLands);
  }

  storeRefuses(on: boolean): void {
    this.store.refusal = on ? new WeirError('WEIR_STORE_FULL', 'the simulated disk is full') : null;
  }
}
