/** The three utilities with their published greatest consumption in one beat of five seconds. */
export interface Utility {
  /** Name of the stream and last level of the topic. */
  name: 'electricity' | 'gas' | 'water';
  /** First letter of its meters' ids. */
  letter: string;
  /** Field of the payload that carries the cumulative register; named after its unit. */
  register: string;
  /** Registers and consumptions are integers of 10^-decimals of the unit, so that their sums are exact. */
  decimals: number;
  maxPerBeat: number;
}

export const UTILITIES: readonly Utility[] = [
  { name: 'electricity', letter: 'e', register: 'kwh', decimals: 4, maxPerBeat: 0.3 },
  { name: 'gas', letter: 'g', register: 'ccf', decimals: 8, maxPerBeat: 0.000_45 },
  { name: 'water', letter: 'w', register: 'gal', decimals: 6, maxPerBeat: 0.023 },
];

/** The beat that the published maxima are for. */
export const PUBLISHED_BEAT_MS = 5_000;

/** Greatest consumption of one beat in the integers of the utility; at least 2, so that there is something to draw. */
export function maxUnits(utility: Utility, heartbeatMs: number): number {
  const published = Math.round(utility.maxPerBeat * 10 ** utility.decimals);
  return Math.max(2, Math.round((published * heartbeatMs) / PUBLISHED_BEAT_MS));
}
