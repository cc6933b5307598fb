/**
 * Bytes where they lie. A view of its own for each of a million entries takes longer than what is read of them, so who goes
 * through entries is shown one slice again and again: it holds until the next.
 */
export interface Slice {
  bytes: Uint8Array;
  from: number;
  to: number;
}

export function sliceOf(bytes: Uint8Array): Slice {
  return { bytes, from: 0, to: bytes.length };
}

export function bytesOf({ bytes, from, to }: Slice): Uint8Array {
  return bytes.subarray(from, to);
}

/** Bytewise, a shorter one before what it begins. HOT */
export function compareSlices(a: Slice, b: Slice): number {
  const lengthA = a.to - a.from;
  const lengthB = b.to - b.from;
  const length = Math.min(lengthA, lengthB);
  for (let at = 0; at < length; at++) {
    const order = a.bytes[a.from + at] - b.bytes[b.from + at];
    if (order !== 0) return order;
  }
  return lengthA - lengthB;
}
