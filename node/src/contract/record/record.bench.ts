import { zstdCompressSync } from 'node:zlib';
import { field, testSite } from '../codec/testing/test-site.ts';
import { GroupBuilder } from '../reading/group-builder.ts';
import type { LogRecord } from '../reading/section.ts';
import type { FieldSpec } from '../site/model.ts';
import { decodeRecord } from './decode.ts';
import { encodeRecord } from './encode.ts';

/**
 * Payloads to columns to bytes and back, beside JSON.parse of the same payloads and zstd of the same bytes, in the
 * same run. `node record.bench.ts`; processor time of all threads, so that a busy machine disturbs little.
 */

interface Group {
  messages: { topic: string; payload: Buffer }[];
  wallMs: number;
}

interface Workload {
  name: string;
  fields: FieldSpec[];
  groups: Group[];
}

const WALL_MS = 1_763_672_400_000;
const ROUNDS = 5;

let state = 1;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

const meterId = (meter: number) => `m${String(meter).padStart(6, '0')}`;
const STATES = Array.from({ length: 51 }, (_, at) =>
  String.fromCharCode(65 + (at % 26), 65 + ((at * 7) % 26)),
);
const stateOf = Array.from({ length: 10_000 }, () => STATES[Math.floor(random() * STATES.length)]);

type MakeReading = (meter: number, ts: number) => object;

/** Concentrators of 100 neighbours each take turns; `packs` to a group. */
function packsOf(
  name: string,
  fields: FieldSpec[],
  packs: number,
  groups: number,
  reading: MakeReading,
): Workload {
  let pack = 0;
  const one = (wallMs: number) => {
    const first = (pack++ % 100) * 100;
    const readings = Array.from({ length: 100 }, (_, at) => reading(first + at, wallMs - 20));
    return { topic: 'meters/7/power', payload: Buffer.from(JSON.stringify(readings)) };
  };
  return {
    name,
    fields,
    groups: Array.from({ length: groups }, (_, group) => {
      const wallMs = WALL_MS + group * 20;
      return { wallMs, messages: Array.from({ length: packs }, (_, at) => one(wallMs + Math.floor(at / 5))) };
    }),
  };
}

function singlesOf(
  name: string,
  fields: FieldSpec[],
  size: number,
  groups: number,
  reading: MakeReading,
): Workload {
  return {
    name,
    fields,
    groups: Array.from({ length: groups }, (_, group) => {
      const wallMs = WALL_MS + group * 20;
      const messages = Array.from({ length: size }, () => {
        const payload = reading(Math.floor(random() * 1e6), wallMs - Math.floor(random() * 200));
        return { topic: 'meters/7/power', payload: Buffer.from(JSON.stringify(payload)) };
      });
      return { wallMs, messages };
    }),
  };
}

const register: MakeReading = (meter, ts) => ({
  meter: meterId(meter),
  ts,
  kwh: Math.floor(random() * 3e7) / 1000,
  watts: Math.floor(random() * 5000),
});
const WORKLOADS = [
  packsOf('packs: used, state', [field('used', 'gauge', 4), field('state', 'text')], 50, 40, (meter, ts) => ({
    meter: meterId(meter),
    ts,
    used: Math.round((random() + random()) * 1500) / 10_000,
    state: stateOf[meter],
  })),
  packsOf(
    'packs: register, watts, state',
    [field('kwh', 'counter', 3), field('watts', 'gauge'), field('state', 'text')],
    50,
    40,
    (meter, ts) => ({ ...register(meter, ts), state: stateOf[meter] }),
  ),
  singlesOf(
    'singles: register, watts, 1,500 a group',
    [field('kwh', 'counter', 3), field('watts', 'gauge')],
    1500,
    60,
    register,
  ),
  singlesOf(
    'singles: register, watts, 500 a group',
    [field('kwh', 'counter', 3), field('watts', 'gauge')],
    500,
    120,
    register,
  ),
];

/** Nanoseconds of processor time a reading, the least of the rounds after one to warm up. */
function cost(readings: number, work: () => void): number {
  work();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, ((user + system) * 1000) / readings);
  }
  return least;
}

function records(builder: GroupBuilder, groups: Group[]): LogRecord[] {
  return groups.map(({ messages, wallMs }, at) => {
    for (const { topic, payload } of messages) builder.add(topic, payload, wallMs);
    return builder.take(at + 1, wallMs, true);
  });
}

function run({ name, fields, groups }: Workload): void {
  const builder = new GroupBuilder(testSite({ fields }));
  const taken = records(builder, groups);
  const encoded = taken.map(encodeRecord);
  const readings = taken.flatMap((record) => record.sections).reduce((sum, section) => sum + section.rows, 0);
  const bytes = encoded.reduce((sum, record) => sum + record.length, 0);
  const zstd = groups
    .map(({ messages }) => zstdCompressSync(Buffer.concat(messages.map((message) => message.payload))).length)
    .reduce((sum, length) => sum + length, 0);
  const parse = cost(readings, () => {
    for (const { messages } of groups) for (const { payload } of messages) JSON.parse(payload.toString());
  });
  const build = cost(readings, () => records(builder, groups));
  const encode = cost(readings, () => {
    for (const record of taken) encodeRecord(record);
  });
  const decode = cost(readings, () => {
    for (const record of encoded) decodeRecord(record);
  });
  const quarter = cost(readings, () => {
    for (const record of encoded) decodeRecord(record, (shard) => shard % 4 === 0);
  });
  const line = (label: string, value: number, against: string, ratio: number) =>
    console.log(`  ${label.padEnd(28)} ${value.toFixed(2).padStart(8)}   ${ratio.toFixed(2)} × ${against}`);
  console.log(`${name}: ${readings} readings, ${Math.round(readings / encoded.length)} a record`);
  line('bytes a reading', bytes / readings, 'zstd of the payloads', bytes / zstd);
  line('JSON.parse, ns', parse, 'itself', 1);
  line('payload to sections, ns', build, 'JSON.parse', build / parse);
  line('record to bytes, ns', encode, 'JSON.parse', encode / parse);
  line('bytes to sections, ns', decode, 'JSON.parse', decode / parse);
  line('of a quarter of shards, ns', quarter, 'all shards', quarter / decode);
}

for (const workload of WORKLOADS) run(workload);
