import type { Column, LogRecord, Section, StreamLayout } from '../../contract/reading/section.ts';
import { hashBytes } from '../../contract/reading/shard-of.ts';
import type { StreamSpec } from '../../contract/site/model.ts';
import { SWAP_STREAM } from '../../contract/site/swap-stream.ts';
import type { TestReading, TestRecord, TestSwap } from './oracle.ts';

/** A record of the log with one section for one shard, as the batcher would cut it. */
export function buildRecord(spec: StreamSpec, shard: number, seq: number, record: TestRecord): LogRecord {
  const layout: StreamLayout = {
    stream: spec.name,
    fields: spec.fields.map((field) => ({
      name: field.name,
      kind: field.type === 'text' ? 'text' : 'number',
      decimals: field.decimals,
    })),
  };
  const sections = record.readings.length === 0 ? [] : [buildSection(layout, shard, record.readings)];
  const layouts = [layout];
  if (record.swaps !== undefined) {
    layouts.push({
      stream: SWAP_STREAM.name,
      fields: SWAP_STREAM.fields.map(({ name }) => ({ name, kind: 'text', decimals: 0 })),
    });
    const readings = record.swaps.map((swap) => swapReading(swap, spec));
    sections.push({ ...buildSection(layouts[1], shard, readings), layout: 1 });
  }
  return {
    seq,
    wallMs: record.wallMs,
    clockTrusted: record.clockTrusted,
    layouts,
    sections,
    setAside: [],
  };
}

function swapReading({ id, undo, key, at, last, first }: TestSwap, spec: StreamSpec): TestReading {
  const decimals = spec.fields.find((field) => field.name === 'kwh')?.decimals ?? 0;
  const written = (value: number) => (value / 10 ** decimals).toFixed(decimals);
  const texts: Record<string, string | null> = { id, undo: undo ? 'yes' : null, stream: spec.name };
  Object.assign(texts, {
    field: 'kwh',
    last: written(last),
    first: written(first),
    by: 'tester',
    note: null,
  });
  return { key, time: at, numbers: {}, texts };
}

function buildSection(layout: StreamLayout, shard: number, readings: TestReading[]): Section {
  const keys = [...new Set(readings.map((reading) => reading.key))];
  const bytes = keys.map((key) => new TextEncoder().encode(key));
  let end = 0;
  return {
    shard,
    layout: 0,
    rows: readings.length,
    times: Float64Array.from(readings, (reading) => reading.time),
    keyIndex: Uint32Array.from(readings, (reading) => keys.indexOf(reading.key)),
    keyBytes: Uint8Array.from(bytes.flatMap((some) => [...some])),
    keyEnds: Uint32Array.from(bytes, (some) => (end += some.length)),
    keyHashes: Uint32Array.from(bytes, (some) => hashBytes(some, 0, some.length)),
    columns: layout.fields.map((field) => buildColumn(field.name, field.kind, readings)),
  };
}

function buildColumn(name: string, kind: 'number' | 'text', readings: TestReading[]): Column {
  if (kind === 'number')
    return { kind, values: Float64Array.from(readings, (reading) => reading.numbers[name] ?? Number.NaN) };
  const dictionary = [
    ...new Set(readings.map((reading) => reading.texts[name]).filter((text) => text !== null)),
  ];
  return {
    kind,
    dictionary,
    index: Uint32Array.from(readings, (reading) => dictionary.indexOf(reading.texts[name] ?? '') + 1),
  };
}
