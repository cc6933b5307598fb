import type { Duplex } from 'node:stream';
import type { IConnectPacket } from 'mqtt-packet';
import { type GroupBuilderPort, type LogRecord, type Site, WeirError } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import { MqttCore } from './aedes/core.ts';
import { SessionDisk, type SessionEntry } from './aedes/session-disk.ts';
import { SessionStore } from './aedes/session-store.ts';
import type { Credentials } from './credentials.ts';
import { Gate } from './gate.ts';
import type { GateHost, Peer } from './gate-host.ts';
import { Intake, type WallClock } from './intake.ts';
import { BROKER_LIMITS, DRAIN_MS } from './limits.ts';
import { isLoopback, type ListenAt, type Listener, listenTcp, listenTls } from './listeners.ts';
import { LogIn } from './log-in.ts';
import { type BrokerLog, type Rejection, Rejections } from './rejections.ts';
import { filterCovers, filterMatches, isReserved } from './topics.ts';

export interface BrokerOptions {
  site: Site;
  log: CommitLog;
  builder: GroupBuilderPort;
  clock: WallClock;
  listen: { tcp: ListenAt | null; tls?: ListenAt | null };
  /** Null only with `open`. */
  credentials: Credentials | null;
  /** No log-in; refused on any address but loopback. */
  open: boolean;
  /** Null keeps sessions in memory only. */
  sessionsDir: string | null;
  /** Each durable record with its bytes, in order, before its readings are acknowledged. */
  onDurable(record: LogRecord, bytes: Uint8Array): void;
  /** True while the shards are so far behind the log that no more should be appended. */
  behind?(): boolean;
  logger: BrokerLog;
}

export interface BrokerStats {
  connections: number;
  clients: number;
  waitingForLog: number;
}

export interface Broker {
  readonly intake: Intake;
  readonly tcp: ListenAt | null;
  readonly tls: ListenAt | null;
  /** Publishes in the appliance's own name. */
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): Promise<void>;
  /** What was refused before the log, by reason; and by stream, with '' where that is not known. */
  rejected(): Record<string, number>;
  rejectedByStream(): Record<string, Record<string, number>>;
  stats(): BrokerStats;
  /** Everything that sessions, queues and retained messages are made of, for a copy. */
  sessions(): AsyncIterable<SessionEntry>;
  /** Takes no more, waits for what is under way to the disk, acknowledges it, closes. */
  close(): Promise<void>;
}

const SWEEP_MS = 1_000;
const EXPIRE_MS = 10 * 60_000;

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { open, listen, credentials } = options;
  for (const at of [listen.tcp, listen.tls])
    if (open && at && !isLoopback(at.host))
      throw new WeirError(
        'WEIR_NOT_ALLOWED',
        `--open asks nobody to log in, so it does not listen on ${at.host}.`,
        {
          suggestion: 'Listen on 127.0.0.1, or add devices and leave out --open.',
        },
      );
  if (!open && !credentials)
    throw new WeirError('WEIR_USAGE', 'Without --open the broker needs credentials.');
  const broker = new RunningBroker(options);
  try {
    await broker.start();
  } catch (fault) {
    // A port that is taken must not leave the sessions open and timers running.
    await broker.close();
    throw fault;
  }
  return broker;
}

/** Puts the parts together: listeners, gates, log-in, the protocol library and the intake. */
class RunningBroker implements Broker, GateHost {
  readonly intake: Intake;
  readonly waiting = new Set<Gate>();
  readonly acknowledged: Gate[] = [];
  tcp: ListenAt | null = null;
  tls: ListenAt | null = null;
  readonly #options: BrokerOptions;
  readonly #rejections: Rejections;
  readonly #logIn: LogIn;
  readonly #gates = new Set<Gate>();
  readonly #strangers = new Map<string, number>();
  #listeners: Listener[] = [];
  #core!: MqttCore;
  #sessions!: SessionStore;
  #disk: SessionDisk | null = null;
  #timers: NodeJS.Timeout[] = [];
  #closing = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const nowMs = () => performance.now();
    this.#rejections = new Rejections(options.logger, nowMs);
    this.#logIn = new LogIn(options.open ? null : options.credentials, nowMs);
    this.intake = new Intake({
      log: options.log,
      builder: options.builder,
      clock: options.clock,
      logger: options.logger,
      onDurable: options.onDurable,
      ...(options.behind ? { behind: options.behind } : {}),
      onSettled: () => this.#writeAcks(),
    });
    this.intake.onRelease(() => this.#release());
  }

  async start(): Promise<void> {
    const { options, refused } = {
      options: this.#options,
      refused: this.#rejections.count.bind(this.#rejections),
    };
    if (options.sessionsDir !== null)
      this.#disk = await SessionDisk.open(options.sessionsDir, options.logger);
    const disk = this.#disk;
    this.#sessions = new SessionStore({ disk, nowMs: () => options.clock.nowMs(), refused });
    this.#core = await MqttCore.start({
      logger: options.logger,
      persistence: this.#sessions,
      logIn: (gate, packet) => this.#checkLogIn(gate, packet),
      mayPublish: (gate, topic) => this.mayPublish(gate, topic),
      maySubscribe: (gate, filter) => this.#maySubscribe(gate, filter),
      isReading: (topic) => options.builder.matches(topic),
      offer: (topic, payload, done) => this.intake.offer(topic, payload, options.clock.nowMs(), done),
      refused: (gate, reason, fields) =>
        gate ? this.refused(gate, reason, fields) : refused(reason, fields),
    });
    options.credentials?.onChange(() => this.#disconnectRevoked());
    this.#timers = [
      setInterval(() => this.#sweep(), SWEEP_MS).unref(),
      setInterval(() => this.#sessions.expire(), EXPIRE_MS).unref(),
    ];
    await this.#listen();
  }

  async #listen(): Promise<void> {
    const { listen, logger, site } = this.#options;
    const hooks = {
      logger,
      accept: (socket: Duplex, peer: Peer) => this.#accept(socket, peer),
      refused: (reason: Rejection, fields: object) => this.#rejections.count(reason, fields),
    };
    if (listen.tcp) {
      const listener = await listenTcp(listen.tcp, hooks);
      this.tcp = listener.address;
      this.#listeners.push(listener);
    }
    if (listen.tls) {
      if (!site.mqtt.tls)
        throw new WeirError('WEIR_USAGE', 'The site file names no certificate for MQTT over TLS.', {
          field: 'mqtt.tls',
        });
      const revoked = (serials: ReadonlySet<string>) => this.#disconnectSerials(serials);
      const listener = await listenTls(listen.tls, site.mqtt.tls, { ...hooks, revoked });
      this.tls = listener.address;
      this.#listeners.push(listener);
    }
  }

  async publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#core.publish({ topic, payload, ...options }, null, (fault) =>
        fault ? reject(fault) : resolve(),
      );
    });
  }

  rejected(): Record<string, number> {
    return this.#rejections.totals();
  }

  rejectedByStream(): Record<string, Record<string, number>> {
    return this.#rejections.byStream();
  }

  async *sessions(): AsyncGenerator<SessionEntry> {
    if (this.#disk !== null) yield* this.#disk.entries();
  }

  stats(): BrokerStats {
    return { connections: this.#gates.size, clients: this.#core.clients, waitingForLog: this.waiting.size };
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const listener of this.#listeners) listener.close();
    for (const timer of this.#timers) clearInterval(timer);
    for (const gate of this.#gates) gate.stopReading();
    await Promise.race([
      this.intake.drain(),
      new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref()),
    ]);
    this.intake.close();
    // One turn, so that the acknowledgements are with the kernel before the sockets are closed.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#core?.close();
    for (const gate of this.#gates) gate.destroy();
    await this.#sessions?.destroy();
  }

  // --- for the gates

  nowMs(): number {
    return this.#options.clock.nowMs();
  }

  adopt(gate: Gate): void {
    this.#known(gate);
    this.#core.adopt(gate);
  }

  alive(gate: Gate): void {
    this.#core.alive(gate);
  }

  isReading(topic: string): boolean {
    return this.#options.builder.matches(topic);
  }

  mayPublish(gate: Gate, topic: string): boolean {
    if (isReserved(topic)) return false;
    const { credentials, open } = this.#options;
    if (open || !credentials) return true;
    const device = gate.deviceId === null ? null : credentials.find(gate.deviceId);
    return device !== null && credentials.mayPublish(device, topic);
  }

  followersVersion(): number {
    return this.#core.followersVersion();
  }

  hasFollowers(topic: string): boolean {
    return this.#core.hasFollowers(topic);
  }

  forward(gate: Gate, topic: string, payload: Uint8Array, qos: 0 | 1, retain: boolean): void {
    this.#core.publish({ topic, payload, qos, retain }, gate, (fault) => {
      if (fault)
        this.#options.logger.warn({ err: fault, topic }, 'a reading was not handed to its subscribers');
    });
  }

  refused(gate: Gate, reason: Rejection, fields: object): void {
    const { topic } = fields as { topic?: string };
    const stream = topic === undefined ? undefined : this.#streamOf(topic);
    this.#rejections.count(reason, { source: gate.peer.source, device: gate.deviceId, ...fields }, stream);
  }

  left(gate: Gate): void {
    if (!this.#gates.delete(gate)) return;
    this.waiting.delete(gate);
    if (gate.client === null) this.#known(gate);
  }

  // --- inside

  #accept(socket: Duplex, peer: Peer): void {
    const strangers = (this.#strangers.get(peer.source) ?? 0) + 1;
    if (this.#closing || strangers > BROKER_LIMITS.strangersPerSource) {
      this.#rejections.count('connections', { source: peer.source });
      socket.destroy();
      return;
    }
    this.#strangers.set(peer.source, strangers);
    this.#gates.add(new Gate(this, socket, peer));
  }

  /** The gate is no stranger any more: it has sent a CONNECT, or has gone. */
  #known(gate: Gate): void {
    const { source } = gate.peer;
    const strangers = (this.#strangers.get(source) ?? 1) - 1;
    if (strangers > 0) this.#strangers.set(source, strangers);
    else this.#strangers.delete(source);
  }

  async #checkLogIn(
    gate: Gate,
    packet: IConnectPacket,
  ): Promise<{ deviceId: string | null } | { returnCode: 2 | 3 | 4 | 5 }> {
    const answer = await this.#logIn.check(gate.peer, {
      clientId: packet.clientId,
      username: packet.username ?? null,
      password: packet.password ?? null,
      willTopic: packet.will?.topic ?? null,
    });
    if ('reason' in answer) this.refused(gate, answer.reason, { client: packet.clientId });
    else if (answer.deviceId !== null)
      gate.deviceAddedMs = this.#options.credentials?.find(answer.deviceId)?.addedMs ?? 0;
    return answer;
  }

  #maySubscribe(gate: Gate, filter: string): boolean {
    const { credentials, open } = this.#options;
    if (open || !credentials) return true;
    const device = gate.deviceId === null ? null : credentials.find(gate.deviceId);
    return device?.subscribe.some((allowed) => filterCovers(allowed, filter)) ?? false;
  }

  /** For the ledger's sake; nothing that comes often asks this. */
  #streamOf(topic: string): string | undefined {
    return this.#options.site.streams.find(({ sources }) =>
      sources.some(({ filter }) => filterMatches(filter, topic)),
    )?.name;
  }

  #writeAcks(): void {
    for (const gate of this.acknowledged.splice(0)) gate.writeAcks();
  }

  /** Gates go on in the order in which they came to wait, so that none starves. */
  #release(): void {
    const gates = [...this.waiting];
    this.waiting.clear();
    for (let i = 0; i < gates.length; i++) {
      if (this.intake.pressure()) {
        for (const gate of gates.slice(i)) this.waiting.add(gate);
        return;
      }
      gates[i].release();
    }
  }

  /** Once a second: sockets that say nothing, clients that read nothing, and life for those that were made to wait. */
  #sweep(): void {
    const nowMs = performance.now();
    for (const gate of this.#gates) {
      if (gate.stage === 'stranger' && nowMs - gate.bornMs > BROKER_LIMITS.connectMs - SWEEP_MS)
        gate.refuse('timeout');
      else if (gate.stage === 'entering' && nowMs - gate.bornMs > BROKER_LIMITS.loginMs)
        gate.refuse('timeout');
      else if (gate.isHeld) this.#core.alive(gate);
      if (gate.unreadBytes <= BROKER_LIMITS.heldBytes) gate.unreadSinceMs = 0;
      else if (gate.unreadSinceMs === 0) gate.unreadSinceMs = nowMs;
      else if (nowMs - gate.unreadSinceMs > BROKER_LIMITS.frozenMs) gate.refuse('frozen');
    }
  }

  /** The certificate of a connection that stands was revoked [55]. */
  #disconnectSerials(serials: ReadonlySet<string>): void {
    for (const gate of this.#gates)
      if (gate.peer.serial !== undefined && serials.has(gate.peer.serial))
        gate.refuse('revoked', { client: gate.deviceId });
  }

  /** A device that is gone from the file, or may not do any more what it did, is disconnected [55]. */
  #disconnectRevoked(): void {
    for (const gate of this.#gates) {
      if (gate.deviceId === null || !this.#options.credentials) continue;
      const device = this.#options.credentials.find(gate.deviceId);
      if (!device || gate.deviceAddedMs !== device.addedMs) gate.refuse('revoked', { client: gate.deviceId });
    }
  }
}
