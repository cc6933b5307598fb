/** `p50` is the middle, `p99` 0.99, `p999` 0.999: the digits stand after the point. */
const QUANTILE = /^p([0-9]{2,4})$/;

/** The part of the values that lies below, or null where the function is no quantile. */
export function quantileIn(fn: string): number | null {
  const digits = QUANTILE.exec(fn)?.[1];
  if (digits === undefined || /^0+$/.test(digits)) return null;
  return Number(`0.${digits}`);
}
