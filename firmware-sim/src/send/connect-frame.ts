import { writeLength } from './tape.ts';

export interface Credentials {
  clientId: string;
  username?: string;
  password?: string;
}

/** MQTT 3.1.1 §3.1: CONNECT with a clean session. A keepalive of 0 asks the server not to watch. */
export function connectFrame(who: Credentials, keepaliveS: number): Buffer {
  const texts = [who.clientId];
  let flags = 0x02;
  if (who.username !== undefined) {
    texts.push(who.username);
    flags |= 0x80;
    if (who.password !== undefined) {
      texts.push(who.password);
      flags |= 0x40;
    }
  }
  const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, keepaliveS >> 8, keepaliveS & 0xff]);
  const body = Buffer.concat([head, ...texts.map(lengthPrefixed)]);
  const fixed = Buffer.alloc(5);
  fixed[0] = 0x10;
  return Buffer.concat([fixed.subarray(0, writeLength(fixed, 1, body.length)), body]);
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export const PINGREQ: Buffer = Buffer.from([0xc0, 0]);
export const DISCONNECT: Buffer = Buffer.from([0xe0, 0]);
