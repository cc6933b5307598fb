import { setTimeout as pause } from 'node:timers/promises';
import type { Credentials } from './credentials.ts';
import type { Peer } from './gate-host.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { Rejection } from './rejections.ts';
import { filterMatches, isReserved } from './topics.ts';

/** What a CONNECT says about who it is. */
export interface LogInRequest {
  clientId: string;
  username: string | null;
  password: Uint8Array | null;
  willTopic: string | null;
}

/** Return codes of CONNACK: identifier rejected, server unavailable, bad user name or password, not authorized. */
export type LogInAnswer = { deviceId: string | null } | { returnCode: 2 | 3 | 4 | 5; reason: Rejection };

interface Failures {
  count: number;
  lastMs: number;
  delayed: number;
}

/**
 * Lets devices in. A device's client id is its own id, so that nobody takes over another's session [50]; its will
 * goes where it may publish [51]. Wrong passwords of one address make its further ones wait, longer each time; a
 * password that was right lately is let in at once, so that a guesser does not lock the owner out [54].
 */
export class LogIn {
  readonly #credentials: Credentials | null;
  readonly #nowMs: () => number;
  readonly #failures = new Map<string, Failures>();

  /** Null: everybody may come in, which only a loopback address allows. */
  constructor(credentials: Credentials | null, nowMs: () => number) {
    this.#credentials = credentials;
    this.#nowMs = nowMs;
  }

  async check(peer: Peer, request: LogInRequest): Promise<LogInAnswer> {
    const credentials = this.#credentials;
    if (request.willTopic !== null && isReserved(request.willTopic))
      return { returnCode: 5, reason: 'reserved' };
    if (!credentials) return { deviceId: null };
    const id = peer.certificate ?? request.username ?? '';
    if (!peer.certificate) {
      const refused = await this.#checkPassword(credentials, peer, id, request.password);
      if (refused) return refused;
    }
    const device = credentials.find(id);
    if (!device) return { returnCode: 5, reason: 'credentials' };
    if (request.clientId !== id) return { returnCode: 2, reason: 'client-id' };
    if (
      request.willTopic !== null &&
      !device.publish.some((f) => filterMatches(f, request.willTopic as string))
    )
      return { returnCode: 5, reason: 'foreign-topic' };
    return { deviceId: id };
  }

  async #checkPassword(
    credentials: Credentials,
    peer: Peer,
    id: string,
    password: Uint8Array | null,
  ): Promise<LogInAnswer | null> {
    if (password === null) return { returnCode: 5, reason: 'credentials' };
    if (credentials.isKnown(id, password)) return null;
    if (!(await this.#wait(peer.source))) return { returnCode: 3, reason: 'throttled' };
    const right = await credentials.verify(id, password);
    if (right === null) return { returnCode: 3, reason: 'throttled' };
    if (right) return null;
    this.#failed(peer.source);
    return { returnCode: 4, reason: 'credentials' };
  }

  /** False when too many of the source wait already. */
  async #wait(source: string): Promise<boolean> {
    const failures = this.#failures.get(source);
    if (!failures || failures.count < BROKER_LIMITS.failuresFree) return true;
    const sinceMs = this.#nowMs() - failures.lastMs;
    if (sinceMs > BROKER_LIMITS.failureMemoryMs) {
      this.#failures.delete(source);
      return true;
    }
    if (failures.delayed >= BROKER_LIMITS.delayedPerSource) return false;
    const waitMs = Math.min(
      BROKER_LIMITS.failureWaitMs,
      1000 * 2 ** (failures.count - BROKER_LIMITS.failuresFree),
    );
    failures.delayed++;
    try {
      await pause(Math.max(0, waitMs - sinceMs), undefined, { ref: false });
    } finally {
      failures.delayed--;
    }
    return true;
  }

  #failed(source: string): void {
    const failures = this.#failures.get(source) ?? { count: 0, lastMs: 0, delayed: 0 };
    failures.count++;
    failures.lastMs = this.#nowMs();
    // Put at the end again, so that the first one is the one that has been quiet for longest.
    this.#failures.delete(source);
    this.#failures.set(source, failures);
    if (this.#failures.size > BROKER_LIMITS.failureSources) {
      const [quietest] = this.#failures.keys();
      this.#failures.delete(quietest);
    }
  }
}
