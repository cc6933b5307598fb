/** HOT: keys are short, and a call into native code costs more than the loop. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at++) {
    const step = left[at] - right[at];
    if (step !== 0) return step;
  }
  return left.length - right.length;
}
