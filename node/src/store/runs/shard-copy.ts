import { crc32 } from 'node:zlib';
import { WeirError } from '../../contract/index.ts';
import { ByteReader, ByteWriter } from '../../contract/measures/byte-writer.ts';
import type { MergeValues, RunView } from '../../engine/run-store.ts';

/**
 * What a shard's store holds, as bytes that do not depend on how runs lie in it: slabs of entries, merged, in the order
 * of tables, periods and keys. Where a slab ends is decided by what stands in it, so that a copy made later gives the
 * same slabs for what has not changed since, also after the store has folded its runs.
 *
 * A slab: version; then sections, each table name, period, and entries of key length plus one, value length, key,
 * value; a zero ends a section.
 */
const VERSION = 1;
/** A slab ends with the section that passes this, or within a section of more. */
export const SLAB_BYTES = 1024 * 1024;
/** Else with one section in so many: of thousands of small ones each would be an object of its own. */
const SECTIONS_A_SLAB = 16;
const BYTES_A_SLICE = 64 * 1024;
const EVER = Number.MAX_SAFE_INTEGER;
const MAX_TABLE_BYTES = 1024;

export interface CopiedEntry {
  table: string;
  period: number;
  key: Uint8Array;
  value: Uint8Array;
}

type CopyableView = RunView & { tables(): string[] };

/** Yields a slab, or null between slices of some 2 ms. */
export function* copyShard(
  view: CopyableView,
  mergeOf: (table: string) => MergeValues,
): Generator<Uint8Array | null, void, undefined> {
  const slab = new SlabWriter();
  for (const table of view.tables())
    for (const period of view.periods(table, -EVER, EVER)) {
      slab.begin(table, period);
      for (const { key, values } of view.scan(table, period)) {
        slab.add(key, values.length === 1 ? values[0] : mergeOf(table)(values));
        if (slab.length >= SLAB_BYTES) {
          yield slab.take();
          slab.begin(table, period);
        } else if (slab.sliceBytes >= BYTES_A_SLICE) {
          slab.sliceBytes = 0;
          yield null;
        }
      }
      slab.end();
      if (crc32(`${table} ${period}`) % SECTIONS_A_SLAB === 0) yield slab.take();
    }
  if (!slab.isEmpty) yield slab.take();
}

class SlabWriter {
  readonly #writer = new ByteWriter();
  #isOpen = false;
  sliceBytes = 0;

  get length(): number {
    return this.#writer.length;
  }

  get isEmpty(): boolean {
    return this.#writer.length === 0;
  }

  begin(table: string, period: number): void {
    if (this.isEmpty) this.#writer.byte(VERSION);
    const name = Buffer.from(table);
    this.#writer.unsigned(name.length);
    this.#writer.bytes(name);
    this.#writer.signed(period);
    this.#isOpen = true;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.#writer.unsigned(key.length + 1);
    this.#writer.unsigned(value.length);
    this.#writer.bytes(key);
    this.#writer.bytes(value);
    this.sliceBytes += key.length + value.length;
  }

  end(): void {
    this.#writer.byte(0);
    this.#isOpen = false;
  }

  take(): Uint8Array {
    if (this.#isOpen) this.end();
    const bytes = this.#writer.take();
    this.#writer.reset();
    return bytes;
  }
}

/** Entries of a slab that may come from anywhere. Throws WEIR_BACKUP_DAMAGED where it is not what it should be. */
export function* readSlab(bytes: Uint8Array): Generator<CopiedEntry> {
  const reader = new ByteReader(bytes);
  try {
    if (reader.byte() !== VERSION) throw damaged('a slab is of another version');
    while (!reader.done) {
      const length = reader.unsigned();
      if (length > MAX_TABLE_BYTES) throw damaged('the name of a table is too long');
      const table = Buffer.from(reader.bytes(length)).toString();
      const period = reader.signed();
      for (let keyLength = reader.unsigned(); keyLength > 0; keyLength = reader.unsigned()) {
        const valueLength = reader.unsigned();
        const key = reader.bytes(keyLength - 1);
        yield { table, period, key, value: reader.bytes(valueLength) };
      }
    }
  } catch (fault) {
    if (fault instanceof WeirError) throw fault;
    throw damaged('a slab ends in the middle', fault);
  }
}

function damaged(message: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_BACKUP_DAMAGED', message, { cause });
}
