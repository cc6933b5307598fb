import { LIMITS } from '../limits.ts';

/**
 * What a decoder allocates at most, whatever the bytes say. A group is taken at `LIMITS.recordReadings`, and the last
 * payload of each of its streams may add a pack.
 */
export const MOST = Object.freeze({
  rows: 4 * LIMITS.recordReadings,
  layouts: 256,
  fields: 256,
  /** Rows times columns. */
  cells: 4 * 1024 * 1024,
  bodyBytes: 16 * LIMITS.recordBytes,
  sections: 65_536,
  setAside: 4 * LIMITS.recordReadings,
});
