/**
 * A reading without a time of its own that came while nobody knew the time: set aside in the log under the reason `held`
 * until that is known. Before its payload stand 8 bytes that name the boot, and the milliseconds since that boot as a
 * float64, both little-endian; a clock that is set does not touch them.
 */
export interface HeldStamp {
  boot: bigint;
  sinceBootMs: number;
}

export const HELD_BYTES = 16;

export function heldPayload({ boot, sinceBootMs }: HeldStamp, reading: Uint8Array): Uint8Array {
  const payload = new Uint8Array(HELD_BYTES + reading.length);
  const view = new DataView(payload.buffer);
  view.setBigUint64(0, boot, true);
  view.setFloat64(8, sinceBootMs, true);
  payload.set(reading, HELD_BYTES);
  return payload;
}

export function readHeld(payload: Uint8Array): { stamp: HeldStamp; reading: Uint8Array } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const stamp = { boot: view.getBigUint64(0, true), sinceBootMs: view.getFloat64(8, true) };
  return { stamp, reading: payload.subarray(HELD_BYTES) };
}
