import { decodeRecord, isWeirError, type Site } from '../../node/src/contract/index.ts';
import type { CheckpointWork } from '../../node/src/engine/checkpoint-work.ts';
import { ShardEngine } from '../../node/src/engine/engine.ts';
import type { RunStore } from '../../node/src/engine/run-store.ts';
import type { MemoryLog } from '../../node/src/log/memory-log.ts';
import { Violation } from './journal.ts';

/**
 * One shard and what feeds it, as the board's threads do: after a start it reads the log from its position, and once
 * it has reached the newest record it takes them as they become durable. Each step is one that a crash may come after.
 */
export class SimShard {
  readonly shard: number;
  readonly #site: Site;
  readonly #store: RunStore;
  readonly #log: MemoryLog;
  engine: ShardEngine;
  #inbox: { seq: number; bytes: Uint8Array }[] = [];
  /** Next record to read from the log; null once records come as they become durable. */
  #catchUp: number | null = null;
  #work: CheckpointWork | null = null;
  #put = false;

  constructor(parts: {
    site: Site;
    shard: number;
    store: RunStore;
    log: MemoryLog;
    /** Where to begin to read: what comes after what is stored. */
    readFrom(position: number): number;
  }) {
    this.shard = parts.shard;
    this.#site = parts.site;
    this.#store = parts.store;
    this.#log = parts.log;
    this.engine = new ShardEngine({ site: this.#site, shard: this.shard, store: this.#store });
    this.engine.load();
    this.#catchUp = Math.max(parts.readFrom(this.engine.position), this.#log.bounds().first);
  }

  durable(seq: number, bytes: Uint8Array): void {
    if (this.#catchUp === null) this.#inbox.push({ seq, bytes });
  }

  get waiting(): number {
    return this.#inbox.length;
  }

  get behind(): boolean {
    return this.#inbox.length > 0 || this.#catchUp !== null;
  }

  get checkpointing(): boolean {
    return this.#work !== null;
  }

  /** Takes one record, or finds that there is no more to catch up with. */
  async step(): Promise<string> {
    if (this.#catchUp !== null) {
      if (this.#catchUp > this.#log.bounds().last) {
        this.#catchUp = null;
        return 'has caught up';
      }
      const seq = this.#catchUp++;
      const bytes = (await this.#log.get(seq))?.bytes;
      if (!bytes) throw new Violation(`record ${seq} is gone while shard ${this.shard} needs it`);
      this.#apply(bytes);
      return `reads record ${seq}`;
    }
    const { seq, bytes } = this.#inbox.shift()!;
    this.#apply(bytes);
    return `takes record ${seq}`;
  }

  #apply(bytes: Uint8Array): void {
    const record = decodeRecord(bytes, (shard) => shard === this.shard);
    if ('fault' in record) throw new Violation(record.fault);
    this.engine.apply(record);
  }

  /** One step of a checkpoint: its beginning, a slice, or the commit. A refusal gives it up, and nothing is lost. */
  async checkpointStep(): Promise<string> {
    if (this.#work === null) {
      this.#work = this.engine.checkpoint();
      this.#put = false;
      return 'begins a checkpoint';
    }
    const work = this.#work;
    try {
      if (!this.#put) {
        this.#put = !work.slice();
        await work.flush();
        return 'puts a slice';
      }
      await work.commit();
      this.#work = null;
      return `commits position ${work.position}`;
    } catch (fault) {
      if (!isWeirError(fault)) throw fault;
      this.#work = null;
      await work.abandon();
      return `gives its checkpoint up: ${fault.code}`;
    }
  }
}
