import { decodeRecord, type LogRecord, type Section, SWAP_STREAM } from '../../node/src/contract/index.ts';
import type { TestReading, TestSwap } from '../../node/src/engine/testing/oracle.ts';
import type { MemoryLog } from '../../node/src/log/memory-log.ts';
import type { Message } from './traffic.ts';

/** Something that must never be was seen. */
export class Violation extends Error {}

/** What became of one reading or one payload: `in` the log as a reading, set `aside`, or not there. */
type Place = 'in' | 'aside' | 'nowhere';

/** Every record that ever was durable, as the world outside saw it, also after the log itself has forgotten it. */
export class Journal {
  readonly records: LogRecord[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #readings = new Set<string>();
  readonly #asides = new Set<string>();
  /** Id, and whether it was taken back. */
  readonly #swaps = new Set<string>();

  /** Takes up what has become durable since. */
  async follow(log: MemoryLog): Promise<void> {
    for (let seq = this.records.length + 1; seq <= log.bounds().last; seq++) {
      const bytes = (await log.get(seq))?.bytes;
      if (!bytes) throw new Violation(`record ${seq} cannot be read`);
      const record = decodeRecord(bytes);
      if ('fault' in record) throw new Violation(`record ${seq}: ${record.fault}`);
      this.#bytes.push(bytes);
      this.records.push(record);
      for (const section of record.sections) {
        for (const reading of readingsOf(record, section)) this.#readings.add(nameOf(reading));
        for (const { id, undo } of swapsOf(record, section)) this.#swaps.add(`${id} ${undo}`);
      }
      for (const aside of record.setAside) this.#asides.add(`${aside.topic} ${textOf(aside.payload)}`);
    }
  }

  /** What was durable is durable: neither a crash nor anything else takes it back or changes it. */
  async check(log: MemoryLog): Promise<void> {
    const { first, last } = log.bounds();
    if (last < this.records.length)
      throw new Violation(`the log ends at ${last}, but ${this.records.length} was durable`);
    for (let seq = first; seq <= this.records.length; seq++) {
      const bytes = (await log.get(seq))?.bytes;
      if (!bytes || Buffer.compare(bytes, this.#bytes[seq - 1]) !== 0)
        throw new Violation(`record ${seq} has changed`);
    }
  }

  /** Throws when any part of the message is neither counted nor set aside by what is durable. */
  expectSafe(message: Message): void {
    const { topic, payload, readings, swap } = message;
    const safe =
      swap !== null
        ? this.#swaps.has(`${swap.id} ${swap.undo}`) || this.#asides.has(`${topic} ${textOf(payload)}`)
        : readings.length === 0
          ? this.#asides.has(`${topic} ${textOf(payload)}`)
          : readings.every((reading) => this.#placeOf(reading, topic) !== 'nowhere');
    if (!safe) throw new Violation(`${message.name} was acknowledged and is not durable`);
  }

  /** A reading that the board's clock took for one of the future is set aside by its own bytes. */
  #placeOf(reading: TestReading, topic: string): Place {
    if (this.#readings.has(nameOf(reading))) return 'in';
    for (const aside of this.#asides)
      if (aside.startsWith(`${topic} `) && aside.includes(String(reading.time))) return 'aside';
    return 'nowhere';
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('latin1');
}

function nameOf({ key, time, numbers, texts }: TestReading): string {
  return `${key} ${time} ${numbers.kwh} ${numbers.watts} ${texts.state}`;
}

/** The readings of a section, as whoever sent them wrote them; none of what an operator recorded. */
export function readingsOf(record: LogRecord, section: Section): TestReading[] {
  return record.layouts[section.layout].stream === SWAP_STREAM.name ? [] : rowsOf(record, section);
}

/** Swaps of the register `kwh`. */
export function swapsOf(record: LogRecord, section: Section): TestSwap[] {
  if (record.layouts[section.layout].stream !== SWAP_STREAM.name) return [];
  const scaled = (text: string | null) => Math.round(Number(text) * 1000);
  return rowsOf(record, section).map(({ key, time, texts }) => ({
    id: texts.id ?? '',
    undo: texts.undo === 'yes',
    key,
    at: time,
    last: scaled(texts.last),
    first: scaled(texts.first),
  }));
}

function rowsOf(record: LogRecord, section: Section): TestReading[] {
  const { fields } = record.layouts[section.layout];
  const keys: string[] = [];
  let from = 0;
  for (const to of section.keyEnds) {
    keys.push(Buffer.from(section.keyBytes.subarray(from, to)).toString());
    from = to;
  }
  return Array.from({ length: section.rows }, (_, row) => {
    const reading: TestReading = {
      key: keys[section.keyIndex[row]],
      time: section.times[row],
      numbers: {},
      texts: {},
    };
    fields.forEach(({ name }, at) => {
      const column = section.columns[at];
      if (column.kind === 'number')
        reading.numbers[name] = Number.isNaN(column.values[row]) ? null : column.values[row];
      else reading.texts[name] = column.index[row] === 0 ? null : column.dictionary[column.index[row] - 1];
    });
    return reading;
  });
}
