import { WeirError } from '../contract/index.ts';

/** On the line between a running appliance and whoever copies it: length, kind, payload. */
export const FRAME = Object.freeze({ piece: 1, end: 2 });
const HEAD_BYTES = 5;
/** A slab passes its bound by one entry at the most. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export const SESSIONS_A_FRAME = 64;

export function encodeFrame(kind: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame.writeUInt32LE(payload.length);
  frame[4] = kind;
  frame.set(payload, HEAD_BYTES);
  return frame;
}

/** Pieces as they come, and the payload of the end as the generator's value. A stream without an end is cut short. */
export async function* readFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, Buffer, undefined> {
  let held: Buffer[] = [];
  let bytes = 0;
  let need = HEAD_BYTES;
  for await (const chunk of stream) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes >= need) {
      const all = held.length === 1 ? held[0] : Buffer.concat(held);
      const length = all.readUInt32LE();
      if (length > MAX_FRAME_BYTES) throw cut('a frame is too large');
      need = HEAD_BYTES + length;
      held = [all];
      if (bytes < need) break;
      const payload = all.subarray(HEAD_BYTES, need);
      if (all[4] === FRAME.end) return payload;
      yield payload;
      held = [all.subarray(need)];
      bytes -= need;
      need = HEAD_BYTES;
    }
  }
  throw cut('the stream ended early');
}

function cut(why: string): WeirError {
  return new WeirError('WEIR_NOT_READY', `the copy broke off: ${why}`, {
    suggestion: 'Start the backup again; it goes on where it was.',
  });
}
