import { getOrMake } from './get-or-make.ts';
import { BROKER_LIMITS } from './limits.ts';

/** The part of pino that the broker uses. */
export interface BrokerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: BrokerLog = { info() {}, warn() {}, error() {} };

/** Why something was refused before the log. The ledger shows these, so they are names, not sentences. */
export type Rejection =
  | 'size'
  | 'malformed'
  | 'topic'
  | 'protocol'
  | 'timeout'
  | 'client-id'
  | 'credentials'
  | 'throttled'
  | 'connections'
  | 'foreign-topic'
  | 'foreign-filter'
  | 'filters'
  | 'reserved'
  | 'half-open'
  | 'frozen'
  | 'unread'
  | 'retained-quota'
  | 'queue-quota'
  | 'session-quota'
  | 'revoked'
  | 'origin'
  | 'fault';

/** Stands for messages whose stream is not known. */
export const NO_STREAM = '';

/**
 * Counts what is refused, by stream and reason, and says so in the log without letting a flood of refusals become a
 * flood of lines: a few lines a second for each reason, then one line with the number of the others.
 */
export class Rejections {
  readonly #log: BrokerLog;
  readonly #nowMs: () => number;
  readonly #byStream = new Map<string, Map<Rejection, number>>();
  readonly #lines = new Map<Rejection, { second: number; said: number; unsaid: number }>();

  constructor(log: BrokerLog, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  count(reason: Rejection, fields: object, stream = NO_STREAM): void {
    const reasons = getOrMake(this.#byStream, stream, () => new Map<Rejection, number>());
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    this.#say(reason, fields);
  }

  totals(): Record<string, number> {
    const totals: Record<string, number> = {};
    for (const reasons of this.#byStream.values())
      for (const [reason, count] of reasons) totals[reason] = (totals[reason] ?? 0) + count;
    return totals;
  }

  byStream(): Record<string, Record<string, number>> {
    return Object.fromEntries(
      [...this.#byStream].map(([stream, reasons]) => [stream, Object.fromEntries(reasons)]),
    );
  }

  #say(reason: Rejection, fields: object): void {
    const second = Math.floor(this.#nowMs() / 1000);
    const line = this.#lines.get(reason) ?? { second, said: 0, unsaid: 0 };
    this.#lines.set(reason, line);
    if (line.second !== second) {
      if (line.unsaid > 0) this.#log.warn({ reason, count: line.unsaid }, 'refused, without a line each');
      line.second = second;
      line.said = line.unsaid = 0;
    }
    if (line.said >= BROKER_LIMITS.logLinesPerSecond) line.unsaid++;
    else {
      line.said++;
      this.#log.warn({ reason, ...fields }, 'refused');
    }
  }
}
