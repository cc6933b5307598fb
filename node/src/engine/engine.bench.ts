import type { LogRecord, Section } from '../contract/reading/section.ts';
import { hashBytes } from '../contract/reading/shard-of.ts';
import type { Site } from '../contract/site/model.ts';
import { ShardEngine } from './engine.ts';
import type { RunStore } from './run-store.ts';
import { scannedEntries } from './testing/scanned-entries.ts';
import { testSite } from './testing/test-site.ts';

/**
 * Run by node itself: `node engine.bench.ts [keys …]`. Readings in the order of time, keys by turns (the worst order for
 * caches), three group-bys, increase, mean, max and count. Prints nanoseconds a reading and bytes a series.
 */
const BASE = Date.UTC(2026, 10, 20);
const ROWS = 8192;
const STATES = 51;

function benchSite(): Site {
  const site = testSite({ idFields: ['meter', 'ts'] });
  const usage = site.rollups[0];
  usage.groupBys = [['meter'], ['state'], []];
  usage.measures = usage.measures.filter(({ fn }) => fn !== 'rate' && fn !== 'timeMean');
  return { ...site, rollups: [usage] };
}

/** Record number `at`: the next rows of all keys by turns; a round of all keys takes `everyMs`. */
function benchRecord(site: Site, at: number, keys: number, everyMs: number): LogRecord {
  const first = at * ROWS;
  const distinct = Math.min(ROWS, keys);
  const keyBytes = new Uint8Array(distinct * 8);
  const section: Section = {
    shard: 0,
    layout: 0,
    rows: ROWS,
    times: new Float64Array(ROWS),
    keyIndex: new Uint32Array(ROWS),
    keyBytes,
    keyEnds: new Uint32Array(distinct),
    keyHashes: new Uint32Array(distinct),
    columns: [
      { kind: 'number', values: new Float64Array(ROWS) },
      { kind: 'number', values: new Float64Array(ROWS) },
      {
        kind: 'text',
        dictionary: Array.from({ length: STATES }, (_, n) => `S${n}`),
        index: new Uint32Array(ROWS),
      },
    ],
  };
  for (let k = 0; k < distinct; k++) {
    let name = (first + k) % keys;
    for (let digit = 7; digit >= 0; digit--, name = Math.floor(name / 10))
      keyBytes[k * 8 + digit] = 48 + (name % 10);
    section.keyEnds[k] = (k + 1) * 8;
    section.keyHashes[k] = hashBytes(keyBytes, k * 8, k * 8 + 8);
  }
  const [kwh, watts, state] = section.columns;
  for (let row = 0; row < ROWS; row++) {
    const key = (first + row) % keys;
    const round = Math.floor((first + row) / keys);
    section.times[row] = BASE + round * everyMs + Math.floor((key / keys) * everyMs);
    section.keyIndex[row] = row % distinct;
    if (kwh.kind === 'number') kwh.values[row] = key * 10 + round * (1 + (key % 300));
    if (watts.kind === 'number') watts.values[row] = (key * 7919 + round * 104729) % 5000;
    if (state.kind === 'text') state.index[row] = 1 + (key % STATES);
  }
  const layout = {
    stream: 'electricity',
    fields: site.streams[0].fields.map((field) => ({
      name: field.name,
      kind: field.type === 'text' ? ('text' as const) : ('number' as const),
      decimals: field.decimals,
    })),
  };
  return {
    seq: at + 1,
    wallMs: BASE,
    clockTrusted: false,
    layouts: [layout],
    sections: [section],
    setAside: [],
  };
}

/** Processor time of this thread, in nanoseconds: other work on the machine does not count. */
function cpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** A store that only counts: what is measured is the engine. */
function countingStore(): RunStore & { puts: number; putBytes: number } {
  const store = {
    puts: 0,
    putBytes: 0,
    position: () => 0,
    checkpoint: () => ({
      put: (_table: string, _period: number, key: Uint8Array, value: Uint8Array) => {
        store.puts++;
        store.putBytes += key.length + value.length;
      },
      pendingBytes: () => 0,
      flush: async () => undefined,
      commit: async () => undefined,
      abandon: async () => undefined,
    }),
    view: () => ({
      get: () => [],
      scan: () => [],
      entries: () => scannedEntries([]),
      periods: () => [],
      close: () => undefined,
    }),
  };
  return store;
}

function report(keys: number, name: string, value: string): void {
  console.log(`${String(keys).padStart(8)} keys  ${name.padEnd(34)} ${value}`);
}

async function bench(keys: number): Promise<void> {
  const site = benchSite();
  const store = countingStore();
  const engine = new ShardEngine({ site, shard: 0, store });
  const total = Math.max(2_000_000, keys * 2);
  const memoryBefore = process.memoryUsage();
  let spent = 0;
  let firstRound = 0;
  let at = 0;
  for (; at * ROWS < total; at++) {
    const record = benchRecord(site, at, keys, 5000);
    const begun = cpuNs();
    engine.apply(record);
    const took = cpuNs() - begun;
    if (at * ROWS < keys) firstRound += took;
    else spent += took;
  }
  const rows = at * ROWS;
  report(keys, 'apply, known keys', `${(spent / (rows - Math.min(rows, keys))).toFixed(0)} ns a reading`);
  report(
    keys,
    'apply, keys that are new',
    `${(firstRound / Math.ceil(keys / ROWS) / ROWS).toFixed(0)} ns a reading`,
  );
  const stats = engine.stats();
  const memory = process.memoryUsage();
  const grown = memory.arrayBuffers - memoryBefore.arrayBuffers;
  report(
    keys,
    'engine memory',
    `${(stats.memoryBytes / 1e6).toFixed(1)} MB by its own account, ${(grown / 1e6).toFixed(1)} MB of buffers`,
  );
  report(
    keys,
    'without history',
    `${((stats.memoryBytes - stats.historyBytes) / keys).toFixed(0)} bytes a series`,
  );
  const begun = cpuNs();
  const work = engine.checkpoint();
  let slices = 0;
  let longest = 0;
  for (let more = true; more; slices++) {
    const from = cpuNs();
    more = work.slice();
    const took = cpuNs() - from;
    if (took > longest) longest = took;
  }
  const put = cpuNs();
  await work.commit();
  const committed = cpuNs();
  report(
    keys,
    'checkpoint',
    `${(put - begun) / 1e6} ms in ${slices} slices, longest ${longest / 1e6} ms, commit ${(committed - put) / 1e6} ms`,
  );
  report(keys, 'put', `${(store.putBytes / rows).toFixed(1)} bytes a reading, ${store.puts} puts`);
}

for (const keys of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 1_000_000])
  await bench(keys);
