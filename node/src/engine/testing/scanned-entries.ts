import { type Slice, sliceOf } from '../../contract/measures/slice.ts';
import type { EntryCursor } from '../run-store.ts';

/** A cursor over what a scan answers. */
export function scannedEntries(scan: Iterable<{ key: Uint8Array; values: Uint8Array[] }>): EntryCursor {
  const left = scan[Symbol.iterator]();
  const cursor = {
    key: sliceOf(new Uint8Array(0)),
    values: [] as Slice[],
    next: () => {
      const { done, value } = left.next();
      if (done) return false;
      cursor.key = sliceOf(value.key);
      cursor.values = value.values.map(sliceOf);
      return true;
    },
  };
  return cursor;
}
