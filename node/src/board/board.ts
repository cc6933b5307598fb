import type { Logger } from 'pino';
import { type Broker, Credentials, type ListenAt, startBroker } from '../broker/index.ts';
import {
  type BoardStatus,
  GroupBuilder,
  LIMITS,
  type LogRecord,
  readHeader,
  type Site,
  SWAP_STREAM,
  SWAP_TOPIC,
  type SwapMessage,
} from '../contract/index.ts';
import type { JobPorts } from '../jobs/job-ports.ts';
import { type Jobs, startJobs } from '../jobs/start-jobs.ts';
import type { CommitLog } from '../log/port.ts';
import { Archives } from './archives.ts';
import { AsideRing } from './aside-ring.ts';
import type { BoardFacts } from './board-calls.ts';
import { BoardWear, wearCounters } from './board-wear.ts';
import { bootId, clockTrust, sinceBootMs } from './clock-trust.ts';
import { openCopyDoor } from './copy-door.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import type { GatewayThread } from './gateway-thread.ts';
import { HeldReadings } from './held-readings.ts';
import { addedRollups, assertShape, noteCounted } from './kept-shape.ts';
import { makeRoomToOpen, openLog } from './open-log.ts';
import { RateMeter } from './rate-meter.ts';
import { Replays } from './replay/replays.ts';
import { finishReshape } from './reshape/finish-reshape.ts';
import { plannedReshape } from './reshape/reshape-plan.ts';
import { ShardThreads } from './shard-threads.ts';
import { SiteEdits } from './site-edits.ts';
import { startWindows } from './start-windows.ts';
import { writeWhole } from './write-whole.ts';

export interface BoardOptions {
  site: Site;
  /** The site file as it was read; kept in the data directory. */
  siteText: string;
  /** Where the site file stands, for edits while it runs; null where there is none of one's own. */
  siteFile: string | null;
  dataDir: string;
  mqtt: ListenAt;
  /** Null where the site names no certificate. */
  mqtts: ListenAt | null;
  open: boolean;
  logger: Logger;
  version: string;
  /** What a shard's thread runs. */
  shardEntry: URL;
  /** Its thread was begun before anything else; the board ends it, also where a start fails. */
  gateway: { thread: GatewayThread; host: string; port: number; uiDir: string | null };
  checkpoint?: { readings: number; everyMs: number };
}

export interface Board {
  mqtt: ListenAt;
  mqtts: ListenAt | null;
  http: string;
  /** In clear, once: the token that was made because there was none. */
  firstToken: string | null;
  /** Resolves when a part that cannot be started again has failed. */
  failed: Promise<Error>;
  /** Resolves when the site file was edited: the board is to be closed, and started again with what it says now. */
  edited: Promise<void>;
  /** Takes no more, makes durable what came, checkpoints, and closes everything. */
  close(): Promise<void>;
}

const CHECKPOINT = { readings: LIMITS.checkpointReadings, everyMs: LIMITS.checkpointMs };

/**
 * Assembles a board. The stores are opened first, since they know how far the log must reach; then the log, the broker
 * and the gateway. Readings are taken while the shards still catch up: the log is their queue.
 */
export async function startBoard(options: BoardOptions): Promise<Board> {
  const opened: (() => Promise<unknown>)[] = [() => options.gateway.thread.discard()];
  try {
    const dir = openDataDir(options.dataDir);
    await makeRoomToOpen(dir);
    await finishReshape(options, dir, (knownSeq) => openLog(dir, knownSeq, options.logger));
    assertShape(options.site, dir.shape);
    writeWhole(dir.site, options.siteText);
    const shards = new ShardThreads({
      site: options.site,
      storeDir: dir.store,
      checkpoint: options.checkpoint ?? CHECKPOINT,
      logger: options.logger,
      entry: options.shardEntry,
    });
    opened.unshift(() => shards.close());
    beginGateway(options, dir, shards);
    const log = await openLog(dir, await shards.opened(), options.logger);
    opened.unshift(() => log.close());
    shards.begin(log);
    const running = new RunningBoard(options, dir, shards, log);
    return await running.start(opened);
  } catch (fault) {
    for (const close of opened) await close();
    throw fault;
  }
}

/** The gateway is made ready while the stores open; until it is told to listen nobody sees it. */
function beginGateway(options: BoardOptions, dir: DataDir, shards: ShardThreads): void {
  const { site, open, logger, version } = options;
  const { thread, host, port, uiDir } = options.gateway;
  thread.begin(
    { host, port, uiDir, open, dataDir: dir.root, logLevel: logger.level },
    { site, version, progress: shards.progress.shared, threadOfShard: shards.threadOfShard },
    shards,
  );
}

class RunningBoard {
  readonly #options: BoardOptions;
  readonly #dir: DataDir;
  readonly #shards: ShardThreads;
  readonly #log: CommitLog;
  readonly #rate = new RateMeter();
  readonly #asides: AsideRing;
  readonly #wear: BoardWear;
  readonly #replays: Replays;
  readonly #edits: SiteEdits;
  readonly #held: HeldReadings;
  readonly #archives: Archives;
  readonly #startedAt = Date.now();
  /** Newest wall time that the log has seen: a clock before it was lost. */
  #lastWallMs = 0;
  #broker!: Broker;

  constructor(options: BoardOptions, dir: DataDir, shards: ShardThreads, log: CommitLog) {
    this.#options = options;
    this.#dir = dir;
    this.#shards = shards;
    this.#log = log;
    this.#asides = new AsideRing(log.bounds().last);
    this.#wear = new BoardWear({
      dir: dir.root,
      spec: options.site.wear ?? null,
      logger: options.logger,
      logBytes: () => log.stats().appendedBytes,
      readingsPerSecond: () => this.#rate.perSecond(),
      everyMs: (options.checkpoint ?? CHECKPOINT).everyMs,
      setEveryMs: options.checkpoint ? null : (everyMs) => shards.setCheckpointEveryMs(everyMs),
    });
    this.#held = new HeldReadings({
      file: dir.held,
      log,
      logger: options.logger,
      boot: bootId(),
      sinceBootMs,
      nowMs: Date.now,
      trusted: this.#clockTrusted,
      offer: (...reading) => this.#broker.intake.offerOf(...reading),
    });
    const ask = <T>(method: string, params: unknown, signal: AbortSignal) =>
      shards.askAll<T>(method, params, signal);
    this.#replays = new Replays({
      site: options.site,
      dir: dir.replays,
      log,
      entry: options.shardEntry,
      logger: options.logger,
      nowMs: Date.now,
      clockTrusted: this.#clockTrusted,
      archived: (before, streams) => this.#archives.rawBefore(before, streams),
      reshape: (after) => plannedReshape(dir.shape, after),
      filled: (stored) => this.#edits.filled(stored),
      ask,
    });
    const { site, shardEntry: entry, logger } = options;
    this.#archives = new Archives({ site, dir, log, entry, logger, ask });
    this.#edits = new SiteEdits({
      site: options.site,
      file: options.siteFile,
      shapeFile: dir.shape,
      reshapeFile: dir.reshape,
      replays: () => this.#replays,
      forget: async (drops) => void (await shards.job({ job: 'retain', drops })),
    });
  }

  async start(opened: (() => Promise<unknown>)[]): Promise<Board> {
    const { site, open, logger, mqtt, mqtts } = this.#options;
    this.#lastWallMs = await this.#lastLogged();
    const credentials = open ? null : await Credentials.open(this.#dir.root, logger);
    opened.unshift(async () => credentials?.close());
    this.#broker = await startBroker({
      site,
      log: this.#log,
      builder: new GroupBuilder({ ...site, streams: [...site.streams, SWAP_STREAM] }, this.#held.stamp),
      clock: { nowMs: Date.now, trusted: this.#clockTrusted },
      listen: { tcp: mqtt, tls: site.mqtt.tls ? mqtts : null },
      credentials,
      open,
      sessionsDir: this.#dir.sessions,
      onDurable: (record, bytes) => this.#durable(record, bytes),
      behind: () => this.#shards.overloaded(),
      logger,
    });
    opened.unshift(() => this.#broker.close());
    await this.#held.open();
    opened.unshift(() => this.#held.close());
    const at = this.#broker.tcp ?? mqtt;
    const gateway = this.#options.gateway.thread;
    const http = await gateway.listen(at, this.#facts());
    opened.unshift(() => gateway.close());
    const door = await openCopyDoor({
      dataDir: this.#dir.root,
      log: this.#log,
      shards: this.#shards,
      sessions: () => this.#broker.sessions(),
      logger,
    });
    opened.unshift(() => door.close());
    const jobs = this.#startJobs();
    this.#replays.resume();
    this.#fillWhatIsNew();
    const windows = startWindows(this.#options, this.#shards, this.#dir.windows, (topic, payload, options) =>
      this.#broker.publish(topic, payload, options),
    );
    const close = async () => {
      await this.#replays.close();
      await this.#archives.close();
      await jobs.close();
      await windows?.close();
      // In the order of the path: no more questions, no more readings, the last checkpoints, the log.
      await gateway.close();
      await door.close();
      await this.#held.close();
      await this.#broker.close();
      credentials?.close();
      await this.#shards.close();
      await this.#log.close();
      this.#wear.close();
    };
    return {
      mqtt: at,
      mqtts: this.#broker.tls,
      http: http.url,
      firstToken: http.firstToken,
      failed: gateway.failed,
      edited: this.#edits.edited,
      close,
    };
  }

  /** What the site file added counts from now on; a replay brings what raw has of the time before. */
  #fillWhatIsNew(): void {
    const { site } = this.#options;
    const added = addedRollups(site, this.#dir.shape);
    if (added.length > 0 && this.#log.bounds().last > 0) this.#replays.fill(added);
    noteCounted(site, this.#dir.shape);
  }

  #startJobs(): Jobs {
    const { site, logger } = this.#options;
    const ports: JobPorts = {
      clock: {
        nowMs: Date.now,
        monotonicMs: () => performance.now(),
        trusted: this.#clockTrusted,
      },
      shards: {
        retain: async (drops) => void (await this.#shards.job({ job: 'retain', drops })),
        tidy: async () => void (await this.#shards.job({ job: 'tidy' })),
        scrub: () => this.#shards.job({ job: 'scrub' }),
        leastCheckpointed: () => {
          const needed = [this.#replays.keepFromSeq(), this.#held.keepFromSeq].filter((seq) => seq !== null);
          return Math.min(this.#shards.leastCheckpointed(), ...needed.map((seq) => seq - 1));
        },
      },
      ...this.#archives.jobs(),
      reconcile: (from, to) => this.#replays.reconcile(from, to),
      log: this.#log,
      report: ({ job, outcome, message, cause }) =>
        logger[outcome === 'done' ? 'info' : 'warn'](
          { job, outcome, cause: cause ? String(cause) : undefined },
          message,
        ),
    };
    return startJobs(site, ports, site.name);
  }

  /** Of the newest record whose clock was trusted: the others say what a clock that was lost said. */
  async #lastLogged(): Promise<number> {
    const { first, last } = this.#log.bounds();
    for (let seq = last; seq >= first; seq--) {
      const entry = await this.#log.get(seq);
      const header = entry?.bytes ? readHeader(Buffer.from(entry.bytes)) : null;
      if (header !== null && !('fault' in header) && header.clockTrusted) return header.wallMs;
    }
    return 0;
  }

  readonly #clockTrusted = () => this.#clock() !== 'unsynced';

  #clock() {
    return clockTrust(Date.now(), this.#lastWallMs);
  }

  #durable(record: LogRecord, bytes: Uint8Array): void {
    let readings = record.setAside.length;
    for (const section of record.sections) readings += section.rows;
    this.#rate.add(readings);
    if (record.setAside.length > 0) this.#asides.add(record.seq);
    if (record.clockTrusted) this.#lastWallMs = Math.max(this.#lastWallMs, record.wallMs);
    this.#shards.durable(record.seq, readings, bytes);
  }

  #facts(): BoardFacts {
    return {
      log: this.#log,
      replays: this.#replays,
      edits: this.#edits,
      dataDir: this.#dir.root,
      status: () => this.#status(),
      swap: (swap) => this.#recordSwap(swap),
      counters: () => this.#counters(),
      asides: () => this.#asides.candidates(this.#log.bounds().first),
      rejected: (stream) => this.#rejected(stream),
    };
  }

  /** As a message of the topic that no device may publish to: it takes the path of a reading. */
  #recordSwap(swap: SwapMessage): Promise<void> {
    const payload = Buffer.from(JSON.stringify(swap));
    return new Promise((resolve, reject) => {
      this.#broker.intake.offer(SWAP_TOPIC, payload, Date.now(), (fault) =>
        fault === null ? resolve() : reject(fault),
      );
    });
  }

  /** Readings that were refused before the log: messages to a stream, not connections or deliveries. */
  #rejected(stream: string | null): Record<string, number> {
    const byStream = this.#broker.rejectedByStream();
    if (stream !== null) return byStream[stream] ?? {};
    const sum: Record<string, number> = {};
    for (const { name } of this.#options.site.streams)
      for (const [reason, n] of Object.entries(byStream[name] ?? {})) sum[reason] = (sum[reason] ?? 0) + n;
    return sum;
  }

  #status(): Omit<BoardStatus, 'freeBytes'> {
    const log = this.#log.stats();
    const reasons = this.#shards.reasons();
    const fault = this.#broker.intake.fault();
    if (fault) reasons.push(fault.message);
    return {
      version: this.#options.version,
      site: this.#options.site.name,
      ready: this.#shards.ready && fault === null,
      reasons,
      startedAt: this.#startedAt,
      log: {
        ...this.#log.bounds(),
        segments: log.segments,
        bytes: log.bytes,
        state: log.state,
        fsyncMsP99: log.fsyncMsP99,
      },
      lagRecords: this.#shards.lagRecords(),
      readingsPerSecond: this.#rate.perSecond(),
      clients: this.#broker.stats().clients,
      clock: this.#clock(),
      archive: this.#archives.status(),
      reconciled: this.#replays.lastReconciled(),
      memory: { rssBytes: process.memoryUsage.rss() },
      logBytes: log.bytes,
      logAppendedBytes: log.appendedBytes,
      logAppendedReadings: this.#rate.total,
      flash: this.#wear.figures(),
    };
  }

  #counters(): Record<string, number> {
    const log = this.#log.stats();
    const broker = this.#broker.stats();
    const counters: Record<string, number> = {
      readings_total: this.#rate.total,
      readings_held: this.#held.count,
      log_records_total: log.appendedRecords,
      log_appended_bytes_total: log.appendedBytes,
      log_bytes: log.bytes,
      log_fsync_ms_p99: log.fsyncMsP99,
      lag_records: this.#shards.lagRecords(),
      mqtt_clients: broker.clients,
      mqtt_connections: broker.connections,
    };
    Object.assign(counters, wearCounters(this.#wear.figures()));
    for (const [reason, n] of Object.entries(this.#broker.rejected()))
      counters[`rejected_${reason}_total`] = n;
    return counters;
  }
}
