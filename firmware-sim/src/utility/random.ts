/**
 * Randomness that is the same on every machine: integer arithmetic only, no library, no state shared between uses.
 */

/** FNV-1a over UTF-16 units, then avalanched: a 32-bit seed from a text. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return avalanche(hash);
}

/** The finaliser of MurmurHash3: each bit of the input changes about half of the bits of the answer. */
export function avalanche(word: number): number {
  let hash = word;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32 random bits that belong to a seed and a number, so that any beat can be drawn without the ones before it. */
export function bitsAt(seed: number, at: number): number {
  return avalanche(seed ^ Math.imul(avalanche(at + 0x9e3779b9), 0x9e3779b1));
}

/** A draw in [0, 1) that belongs to a seed and a number. */
export function chanceAt(seed: number, at: number): number {
  return bitsAt(seed, at) / 0x1_0000_0000;
}

/** The generator sfc32 (Chris Doty-Humphrey, PractRand), seeded from a text: draws in [0, 1). */
export function randomFrom(text: string): () => number {
  let a = seedOf(text);
  let b = avalanche(a + 1);
  let c = avalanche(b + 1);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next();
  return next;
}
