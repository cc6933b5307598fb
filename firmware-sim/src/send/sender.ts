import type { Message } from '../utility/messages.ts';
import type { Latency } from './latency.ts';

/** Where the simulator sends; `clientId` is a prefix where there are several connections. */
export interface MqttTarget {
  host: string;
  port: number;
  tls?: { ca?: string; cert?: string; key?: string };
  username?: string;
  password?: string;
  clientId: string;
}

export interface SendCounts {
  sent: number;
  acked: number;
  sentReadings: number;
  ackedReadings: number;
  reconnects: number;
}

/** What carries messages to a broker. Messages of one device stay in order. */
export interface Sender {
  open(signal: AbortSignal): Promise<void>;
  /** Takes all of them; answers when there is room for more, or when the signal ends the wait. */
  send(messages: Message[], signal: AbortSignal): Promise<void>;
  /** Waits until all is acknowledged, or for the signal. */
  settle(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
  counts(): SendCounts;
  /** Latencies from publish to PUBACK since the last call. */
  takeLatency(into: Latency): void;
}
