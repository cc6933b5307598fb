/**
 * Part of `amount` that lies before `elapsed` of `span`, rounded half up to a whole unit, exactly. Parts of an interval
 * are differences of these, so that they add up to the amount whatever the boundaries are. All arguments are integers;
 * the amount is not negative. HOT
 */
export function apportion(amount: number, elapsed: number, span: number): number {
  if (elapsed <= 0 || amount === 0) return 0;
  if (elapsed >= span) return amount;
  const product = amount * elapsed;
  if (product >= Number.MAX_SAFE_INTEGER) return apportionBig(amount, elapsed, span);
  // The quotient of two exact doubles may round up to the next integer; the remainder tells.
  let whole = Math.floor(product / span);
  let rest = product - whole * span;
  if (rest < 0) {
    whole--;
    rest += span;
  }
  return 2 * rest >= span ? whole + 1 : whole;
}

function apportionBig(amount: number, elapsed: number, span: number): number {
  const wide = BigInt(span);
  return Number((2n * BigInt(amount) * BigInt(elapsed) + wide) / (2n * wide));
}
