/** Hashes of values, of 40 bits: the same on every machine and in every version, since sketches are made of them. */
export const HASH_LIMIT = 2 ** 40;

/** The high 32 bits of a hash, and its low 8. */
export const highBits = (hash: number): number => Math.floor(hash / 256);

/** A whole number of at most 2^53. HOT */
export function hashNumber(value: number): number {
  const high = Math.floor(value / 4294967296);
  return join(value - high * 4294967296, high);
}

/** Over the units of UTF-16, which stand for the same text everywhere. */
export function hashText(text: string): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x85ebca77);
    b = Math.imul(b ^ unit, 0xc2b2ae3d);
  }
  return join(a, b);
}

/** Two words of 32 bits into one hash. HOT */
export function join(low: number, high: number): number {
  const a = avalanche((low ^ 0x2c1b3c6d) + Math.imul(high, 0x297a2d39));
  const b = avalanche(high + Math.imul(a, 0x1b873593));
  return (avalanche(a + b) >>> 0) * 256 + (b >>> 24);
}

/** HOT */
function avalanche(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
