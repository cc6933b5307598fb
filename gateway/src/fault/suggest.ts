/** Longer names are not compared: the distance costs their product. */
const MAX_LENGTH = 64;

/** The known name nearest to what was typed, if it is near enough to have been meant. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > MAX_LENGTH) return undefined;
  const lower = typed.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const name of known) {
    if (name.length > MAX_LENGTH) continue;
    const distance = editDistance(lower, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

export function didYouMean(typed: string, known: readonly string[]): string {
  const name = nearest(typed, known);
  if (name !== undefined) return `Did you mean "${name}"?`;
  if (known.length === 0) return 'There are none.';
  const more = known.length > 12 ? ', …' : '';
  return `There are: ${known.slice(0, 12).join(', ')}${more}.`;
}

/** What a person typed, made fit to stand in a message: short, and without anything a terminal would act on. */
export function quoted(typed: string): string {
  const short = typed.length > MAX_LENGTH ? `${typed.slice(0, MAX_LENGTH)}…` : typed;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** Edits between two words, two neighbours swapped counting as one, since that is how fingers slip. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const substituted = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i][j] = Math.min(substituted, rows[i - 1][j] + 1, rows[i][j - 1] + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}
