import { bytesOf } from '../../../contract/measures/slice.ts';
import type { RunStore } from '../../../engine/run-store.ts';

/** The tests' plain model of a shard: table → period → key → its values put together, oldest first. */
export type Model = Map<string, Map<number, Map<string, string>>>;

export function bytes(from: string): Uint8Array {
  return new Uint8Array(Buffer.from(from));
}

export function text(from: Uint8Array): string {
  return Buffer.from(from).toString();
}

/** Associative, and it shows the order: what the tests register for every table. */
export function join(values: Uint8Array[]): Uint8Array {
  return Buffer.concat(values);
}

export function modelPut(model: Model, table: string, period: number, key: string, value: string): void {
  const periods = model.get(table) ?? new Map<number, Map<string, string>>();
  model.set(table, periods);
  const entries = periods.get(period) ?? new Map<string, string>();
  periods.set(period, entries);
  entries.set(key, (entries.get(key) ?? '') + value);
}

export function modelDrop(model: Model, table: string, before: number): void {
  const periods = model.get(table);
  if (periods === undefined) return;
  for (const period of periods.keys()) if (period < before) periods.delete(period);
  if (periods.size === 0) model.delete(table);
}

/** Everything a shard holds, by scanning, by a cursor and by looking each key up; throws where they differ. */
export function entriesOf(store: RunStore, shard: number, tables: string[]): Model {
  const model: Model = new Map();
  const view = store.view(shard);
  for (const table of tables)
    for (const period of view.periods(table, -Infinity, Infinity)) {
      const cursor = view.entries(table, period);
      for (const { key, values } of view.scan(table, period)) {
        const scanned = text(join(values));
        const shown = cursor.next() && [cursor.key, ...cursor.values].map(bytesOf).map(text);
        if (String(shown) !== String([key, ...values].map(text)))
          throw new Error(`the cursor shows ${shown} at ${text(key)}`);
        if (text(join(view.get(table, period, key))) !== scanned)
          throw new Error(`get differs at ${text(key)}`);
        modelPut(model, table, period, text(key), scanned);
      }
      if (cursor.next()) throw new Error(`the cursor goes on after ${table} ${period}`);
    }
  view.close();
  return model;
}
