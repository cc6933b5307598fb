import type { Gate } from './gate.ts';
import type { Intake } from './intake.ts';
import type { Rejection } from './rejections.ts';

/** Who is on the other side, as far as the transport knows. */
export interface Peer {
  /** Address that guesses of passwords are counted against. */
  source: string;
  transport: 'tcp' | 'tls';
  /** Device named by a client certificate that was verified; null without one. */
  certificate: string | null;
  /** Serial number of that certificate, in upper-case hexadecimal digits. */
  serial?: string;
}

/** What the gate needs of the broker. One for all gates. */
export interface GateHost {
  readonly intake: Intake;
  nowMs(): number;
  /** A whole, well-formed CONNECT came: the protocol library takes the gate as its connection. */
  adopt(gate: Gate): void;
  /** The client shows life in packets that the protocol library does not see. */
  alive(gate: Gate): void;
  isReading(topic: string): boolean;
  mayPublish(gate: Gate, topic: string): boolean;
  /** Changes with every subscription, so that answers of `hasFollowers` can be kept. */
  followersVersion(): number;
  hasFollowers(topic: string): boolean;
  /** Hands a durable reading to the subscribers, as ordinary MQTT demands. */
  forward(gate: Gate, topic: string, payload: Uint8Array, qos: 0 | 1, retain: boolean): void;
  refused(gate: Gate, reason: Rejection, fields: object): void;
  /** Gates that wait for the log. */
  readonly waiting: Set<Gate>;
  /** Gates with acknowledgements to write when the group has been told. */
  readonly acknowledged: Gate[];
  left(gate: Gate): void;
}
