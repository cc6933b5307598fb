import { quoted } from './faults.ts';

/** Longer words are never compared: the cost is their product. */
const WORD_MAX = 64;

/** The candidate that a slip of the pen away from the word lies nearest, or null when all are too far. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length === 0 || word.length > WORD_MAX) return null;
  let best: string | null = null;
  // A third of the letters may be wrong, or one of a short word.
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > WORD_MAX || Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let twoAgo = new Array<number>(to.length + 1).fill(0);
  let oneAgo = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(oneAgo[column] + 1, current[column - 1] + 1, oneAgo[column - 1] + (same ? 0 : 1));
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, twoAgo[column - 2] + 1);
      current.push(cost);
    }
    twoAgo = oneAgo;
    oneAgo = current;
  }
  return oneAgo[to.length];
}

/** What a wrong name may have meant, or what there is. */
export function meant(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near !== null) return `did you mean ${quoted(near)}?`;
  return all.length === 0 ? 'there are none' : `there is ${all.slice(0, 12).join(', ')}`;
}
