/** A swap as the store and the answers have it. */
export interface KnownSwap {
  id: string;
  field: string;
  at: number;
  last: string;
  first: string;
  by: string;
  note: string;
  /** Wall time of its record in the log. */
  recordedAt: number;
  undone: { by: string; recordedAt: number } | null;
}

const VERSION = 1;

/** Swaps are few, and a person may want to read them: JSON with the keys in one order. */
export function encodeSwaps(swaps: KnownSwap[]): Uint8Array {
  const rows = [...swaps]
    .sort((a, b) => a.at - b.at || compareText(a.id, b.id))
    .map(({ id, field, at, last, first, by, note, recordedAt, undone }) => [
      id,
      field,
      at,
      last,
      first,
      by,
      note,
      recordedAt,
      undone && [undone.by, undone.recordedAt],
    ]);
  return new TextEncoder().encode(JSON.stringify([VERSION, rows]));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function decodeSwaps(bytes: Uint8Array): KnownSwap[] {
  const [version, rows] = JSON.parse(new TextDecoder().decode(bytes));
  if (version !== VERSION) throw new Error(`swaps of version ${version}, not ${VERSION}`);
  return rows.map(([id, field, at, last, first, by, note, recordedAt, undone]: unknown[]) => ({
    id,
    field,
    at,
    last,
    first,
    by,
    note,
    recordedAt,
    undone: Array.isArray(undone) ? { by: undone[0], recordedAt: undone[1] } : null,
  }));
}

/** By id: what was undone stays undone. */
export function mergeSwaps(values: Uint8Array[]): Uint8Array {
  if (values.length === 1) return values[0];
  const merged = new Map<string, KnownSwap>();
  for (const swap of values.flatMap(decodeSwaps)) {
    const known = merged.get(swap.id);
    if (known === undefined) merged.set(swap.id, swap);
    else if (
      swap.undone !== null &&
      !(known.undone !== null && known.undone.recordedAt <= swap.undone.recordedAt)
    )
      merged.set(swap.id, { ...known, undone: swap.undone });
  }
  return encodeSwaps([...merged.values()]);
}
