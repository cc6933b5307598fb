import type { BackupSource, CopyStep, SessionEntry } from '../../backup/source.ts';
import { storedSessions } from '../../broker/index.ts';
import type { ShardHash, Site } from '../../contract/index.ts';
import type { CommitLog, LogEntry } from '../../log/port.ts';
import { OfflineShards } from '../../shard/offline-shards.ts';
import { openEmbeddedLog } from '../../store/log/embedded-log.ts';
import type { DataDir } from '../data-dir.ts';

/** A data directory whose appliance is stopped. Nothing is counted: a restored one replays what its shards lack. */
export class StoppedSource implements BackupSource {
  readonly #dir: DataDir;
  readonly #shards: OfflineShards;
  readonly log: CommitLog;

  private constructor(dir: DataDir, shards: OfflineShards, log: CommitLog) {
    this.#dir = dir;
    this.#shards = shards;
    this.log = log;
  }

  static async open(dir: DataDir, site: Site): Promise<StoppedSource> {
    const shards = await OfflineShards.open(dir.store, site);
    try {
      return new StoppedSource(dir, shards, await openEmbeddedLog({ dir: dir.root, ballastBytes: 0 }));
    } catch (fault) {
      await shards.close();
      throw fault;
    }
  }

  async bounds(): Promise<{ first: number; last: number }> {
    return this.log.bounds();
  }

  async record(seq: number): Promise<Uint8Array | null> {
    return (await this.log.get(seq))?.bytes ?? null;
  }

  records(from: number): AsyncIterable<LogEntry> {
    return this.log.read(from);
  }

  shard(shard: number): AsyncIterable<CopyStep> {
    return this.#shards.copy(shard);
  }

  sessions(): AsyncIterable<SessionEntry> {
    return storedSessions(this.#dir.sessions);
  }

  async verify(): Promise<ShardHash[]> {
    await this.#shards.catchUp(this.log, { checkpoints: false });
    return this.#shards.hashes();
  }

  async close(): Promise<void> {
    await this.log.close();
    await this.#shards.close();
  }
}
