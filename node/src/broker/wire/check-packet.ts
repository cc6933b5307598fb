import { BROKER_LIMITS } from '../limits.ts';
import type { Rejection } from '../rejections.ts';
import { isCleanText, isTopicFilter, isTopicName } from './text.ts';

/** Types of control packets: the high four bits of the first byte. */
export const PACKET = Object.freeze({
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
});

/** A packet that may be handed on, or the reason why its connection is closed. */
export type Verdict = Rejection | null;

/**
 * Checks a whole packet before the protocol library sees it, so that what it parses is always well-formed. `from` and
 * `to` bound what follows the fixed header. PUBLISH and CONNECT have checks of their own.
 */
export function checkPacket(first: number, bytes: Uint8Array, from: number, to: number): Verdict {
  const flags = first & 0x0f;
  const length = to - from;
  switch (first >> 4) {
    case PACKET.puback:
    case PACKET.pubrec:
    case PACKET.pubcomp:
      return flags === 0 && length === 2 && hasId(bytes, from) ? null : 'malformed';
    case PACKET.pubrel: // [MQTT-3.6.1-1]
      return flags === 2 && length === 2 && hasId(bytes, from) ? null : 'malformed';
    case PACKET.subscribe: // [MQTT-3.8.1-1]
      return flags === 2 ? checkFilters(bytes, from, to, 1) : 'malformed';
    case PACKET.unsubscribe: // [MQTT-3.10.1-1]
      return flags === 2 ? checkFilters(bytes, from, to, 0) : 'malformed';
    case PACKET.pingreq:
    case PACKET.disconnect: // [MQTT-3.14.1-1]
      return flags === 0 && length === 0 ? null : 'malformed';
    default:
      // The other types are for servers to send, or reserved [MQTT-2.2.2-2].
      return 'protocol';
  }
}

/** [MQTT-2.3.1-1]: a packet identifier is not zero. */
function hasId(bytes: Uint8Array, at: number): boolean {
  return bytes[at] !== 0 || bytes[at + 1] !== 0;
}

function checkFilters(bytes: Uint8Array, from: number, to: number, qosBytes: number): Verdict {
  if (to - from < 2 || !hasId(bytes, from)) return 'malformed';
  let filters = 0;
  let at = from + 2;
  while (at < to) {
    if (at + 2 > to) return 'malformed';
    const end = at + 2 + ((bytes[at] << 8) | bytes[at + 1]);
    if (end + qosBytes > to) return 'malformed';
    if (!isTopicFilter(bytes, at + 2, end)) return 'topic';
    if (qosBytes === 1 && bytes[end] > 2) return 'malformed'; // [MQTT-3.8.3-4]
    if (++filters > BROKER_LIMITS.filtersPerSubscribe) return 'filters';
    at = end + qosBytes;
  }
  return filters > 0 ? null : 'malformed'; // [MQTT-3.8.3-3], [MQTT-3.10.3-2]
}

/** What to answer to a CONNECT before anything else is looked at; `reply` goes out before the connection is closed. */
export interface ConnectVerdict {
  refusal: Rejection | null;
  reply: Uint8Array | null;
}

const FINE: ConnectVerdict = { refusal: null, reply: null };
const MALFORMED: ConnectVerdict = { refusal: 'malformed', reply: null };
/** CONNACK "unacceptable protocol version", in the form of 3.1.1 and of 5 (reason 0x84) [40]. */
const WRONG_VERSION = { refusal: 'protocol', reply: Uint8Array.of(0x20, 2, 0, 1) } as const;
const WRONG_VERSION_5 = { refusal: 'protocol', reply: Uint8Array.of(0x20, 3, 0, 0x84, 0) } as const;
/** CONNACK "identifier rejected". */
const WRONG_ID = { refusal: 'client-id', reply: Uint8Array.of(0x20, 2, 0, 2) } as const;

export function checkConnect(first: number, bytes: Uint8Array, from: number, to: number): ConnectVerdict {
  const nameEnd = fieldEnd(bytes, from, to);
  if (first !== 0x10 || nameEnd < 0 || nameEnd + 4 > to) return MALFORMED;
  const name = String.fromCharCode(...bytes.subarray(from + 2, Math.min(nameEnd, from + 10)));
  const level = bytes[nameEnd];
  if (name !== 'MQTT' && name !== 'MQIsdp') return MALFORMED;
  if (level === 5 && name === 'MQTT') return WRONG_VERSION_5;
  if (!(level === 4 && name === 'MQTT') && !(level === 3 && name === 'MQIsdp')) return WRONG_VERSION;
  return checkConnectBody(bytes, nameEnd + 1, to);
}

function checkConnectBody(bytes: Uint8Array, flagsAt: number, to: number): ConnectVerdict {
  const flags = bytes[flagsAt];
  const will = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  if (flags & 1 || willQos === 3) return MALFORMED; // [MQTT-3.1.2-3], [MQTT-3.1.2-14]
  if (!will && flags & 0x38) return MALFORMED; // [MQTT-3.1.2-11]
  if (flags & 0x40 && !(flags & 0x80)) return MALFORMED; // [MQTT-3.1.2-22]
  const idAt = flagsAt + 3;
  const idEnd = fieldEnd(bytes, idAt, to);
  if (idEnd < 0 || !isCleanText(bytes, idAt + 2, idEnd)) return MALFORMED;
  const idBytes = idEnd - idAt - 2;
  if (idBytes > BROKER_LIMITS.clientIdBytes || (idBytes === 0 && !(flags & 0x02))) return WRONG_ID; // [MQTT-3.1.3-8]
  let at = idEnd;
  if (will) {
    const topicEnd = fieldEnd(bytes, at, to);
    if (topicEnd < 0 || !isTopicName(bytes, at + 2, topicEnd)) return MALFORMED;
    at = fieldEnd(bytes, topicEnd, to);
    if (at < 0) return MALFORMED;
  }
  if (flags & 0x80) {
    const userEnd = fieldEnd(bytes, at, to);
    if (userEnd < 0 || !isCleanText(bytes, at + 2, userEnd)) return MALFORMED;
    at = userEnd;
  }
  if (flags & 0x40) at = fieldEnd(bytes, at, to);
  return at === to ? FINE : MALFORMED;
}

/** End of a field that starts with its length in two bytes; -1 when it does not fit. */
function fieldEnd(bytes: Uint8Array, at: number, to: number): number {
  if (at < 0 || at + 2 > to) return -1;
  const end = at + 2 + ((bytes[at] << 8) | bytes[at + 1]);
  return end > to ? -1 : end;
}
