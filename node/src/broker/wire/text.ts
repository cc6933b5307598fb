import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../../contract/index.ts';
import { BROKER_LIMITS } from '../limits.ts';

/**
 * Text of a packet: [MQTT-1.5.3-1] ill-formed UTF-8 and [MQTT-1.5.3-2] U+0000 close the connection. The control
 * characters that section 1.5.3 advises against do so too, since names end in logs, pages and file names [48].
 */
export function isCleanText(bytes: Uint8Array, from: number, to: number): boolean {
  let ascii = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte < 0x20 || byte === 0x7f) return false;
    if (byte >= 0x80) ascii = false;
  }
  if (ascii) return true;
  if (!isUtf8(bytes.subarray(from, to))) return false;
  // U+0080 to U+009F are written as 0xC2 and a byte below 0xA0.
  for (let at = from; at + 1 < to; at++) if (bytes[at] === 0xc2 && bytes[at + 1] < 0xa0) return false;
  return true;
}

/** A topic name that may be published to: not empty, clean, no wildcard, not deeper than `topicLevels` [47]. */
export function isTopicName(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from || to - from > BROKER_LIMITS.topicBytes) return false;
  let levels = 1;
  let ascii = true;
  // HOT: once a message whose topic is not the one before it.
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte < 0x20 || byte === 0x23 || byte === 0x2b || byte === 0x7f) return false;
    if (byte === 0x2f) levels++;
    else if (byte >= 0x80) ascii = false;
  }
  return levels <= LIMITS.topicLevels && (ascii || isCleanText(bytes, from, to));
}

/** A topic filter: wildcards stand alone in their level, `#` only in the last one [MQTT-4.7.1-2, 4.7.1-3]. */
export function isTopicFilter(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from || to - from > BROKER_LIMITS.topicBytes || !isCleanText(bytes, from, to)) return false;
  let levels = 1;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === 0x2f) levels++;
    if (byte !== 0x23 && byte !== 0x2b) continue;
    if (at > from && bytes[at - 1] !== 0x2f) return false;
    if (at + 1 < to && (byte === 0x23 || bytes[at + 1] !== 0x2f)) return false;
  }
  return levels <= LIMITS.topicLevels;
}
