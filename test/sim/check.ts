import type { LedgerAnswer } from '../../node/src/contract/index.ts';
import { stepBoundaries } from '../../node/src/contract/measures/boundaries.ts';
import { decodeChunk, encodeChunk, mergeChunks } from '../../node/src/contract/measures/chunk.ts';
import { finishSeries } from '../../node/src/contract/measures/finish.ts';
import { REVISION } from '../../node/src/contract/measures/kinds.ts';
import { layoutOf } from '../../node/src/contract/measures/layout.ts';
import { QUANTILE_ERROR } from '../../node/src/contract/measures/sketch/quantile-sketch.ts';
import type { RollupSpec, Site } from '../../node/src/contract/site/model.ts';
import { driven } from '../../node/src/engine/driven.ts';
import { ShardEngine } from '../../node/src/engine/engine.ts';
import type { RunView } from '../../node/src/engine/run-store.ts';
import { MemoryRunStore } from '../../node/src/engine/testing/memory-run-store.ts';
import { Oracle, type OracleBuckets } from '../../node/src/engine/testing/oracle.ts';
import { bucketTables } from './damage.ts';
import { type Journal, readingsOf, swapsOf, Violation } from './journal.ts';
import type { SimBoard } from './sim-board.ts';
import type { SimShard } from './sim-shard.ts';
import { asideShard, SHARDS } from './traffic.ts';

const EVER = 9e15;
const YEAR_MS = 365 * 86_400_000;

/**
 * Holds the board, at rest, against a naive recomputation from all that ever was durable. Answers the readings. `mended`:
 * a replay has put buckets right, which counts as a revision of each.
 */
export async function checkEverything(
  site: Site,
  board: SimBoard,
  journal: Journal,
  mended: boolean,
): Promise<number> {
  let counted = 0;
  // What a board wrote down while it took the year for another one is no longer looked at.
  const from = board.startMs - YEAR_MS / 2;
  const strays = journal.records.flatMap(({ sections }) =>
    sections.filter(({ shard }) => !SHARDS.includes(shard)),
  );
  if (strays.length > 0) throw new Violation(`a section went to shard ${strays[0].shard}`);
  for (const shard of board.shards) {
    const { oracle, ledger } = recomputed(site, shard.shard, journal, from);
    checkLedger(shard.engine, ledger, from);
    for (const rollup of site.rollups) checkBuckets(shard.engine, site, rollup, oracle, board.startMs);
    if (mended) await checkMendedHash(site, shard, board.store, journal);
    else checkHash(site, shard.engine, journal);
    counted += oracle.counted;
  }
  return counted;
}

/** The naive engine given the shard's part of all records, and the ledger of the hours from `from` on. */
function recomputed(site: Site, shard: number, journal: Journal, from: number) {
  const oracle = new Oracle(site, site.streams[0]);
  const quarantined: Record<string, number> = {};
  const ledger: LedgerAnswer = {
    received: 0,
    counted: 0,
    onTime: 0,
    lateMerged: 0,
    duplicate: 0,
    quarantined,
    rejected: {},
  };
  const aside = (reason: string) => {
    ledger.received++;
    quarantined[reason] = (quarantined[reason] ?? 0) + 1;
  };
  for (const record of journal.records) {
    const { counted, late, unproven, beyondRaw, duplicate, conflict } = oracle;
    const { wallMs, clockTrusted } = record;
    const own = record.sections.filter((section) => section.shard === shard);
    oracle.apply({ wallMs, clockTrusted, readings: [] });
    // In the order of the record: what a section brings may move the time from which on raw is known.
    for (const section of own) {
      const swaps = swapsOf(record, section);
      oracle.apply({ wallMs, clockTrusted, readings: readingsOf(record, section), swaps });
    }
    const readings = own.flatMap((section) => readingsOf(record, section));
    if (record.wallMs < from) continue;
    ledger.received += readings.length - (oracle.conflict - conflict) - (oracle.beyondRaw - beyondRaw);
    ledger.counted += oracle.counted - counted;
    ledger.lateMerged += oracle.late - late;
    if (oracle.unproven > unproven)
      ledger.lateUnproven = (ledger.lateUnproven ?? 0) + oracle.unproven - unproven;
    ledger.onTime = ledger.counted - ledger.lateMerged;
    ledger.duplicate += oracle.duplicate - duplicate;
    for (let n = conflict; n < oracle.conflict; n++) aside('conflict');
    for (let n = beyondRaw; n < oracle.beyondRaw; n++) aside('beyondRaw');
    for (const { topic, reason } of record.setAside) if (asideShard(topic) === shard) aside(reason);
  }
  return { oracle, ledger };
}

function checkLedger(engine: ShardEngine, expected: LedgerAnswer, from: number): void {
  const found = engine.ledger(from, EVER, null);
  same(`the ledger of shard ${engine.shard}`, sorted(found), sorted(expected));
  const { received, counted, duplicate } = found;
  const sum = Object.values(found.quarantined).reduce((total, n) => total + n, counted + duplicate);
  if (received !== sum) throw new Violation(`${received} received, but ${sum} accounted for`);
}

function sorted(ledger: object): string {
  return JSON.stringify(ledger, (_, value: unknown) =>
    value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).sort()) : value,
  );
}

function checkBuckets(
  engine: ShardEngine,
  site: Site,
  rollup: RollupSpec,
  oracle: Oracle,
  startMs: number,
): void {
  for (let groupBy = 0; groupBy < rollup.groupBys.length; groupBy++)
    for (let tier = 0; tier < rollup.tiers.length; tier++) {
      const by = rollup.groupBys[groupBy];
      const { name, widthMs, keepMs } = rollup.tiers[tier];
      const steps = stepBoundaries(site.timezone, widthMs, widthMs);
      const keptAfter = oracle.watermark - keepMs;
      const expected = keptOf(oracle.buckets(rollup, by, widthMs), (start) => steps.end(start) > keptAfter);
      const found = bucketsOf(engine, site, rollup, groupBy, tier, startMs);
      const register = by.length === 1 && by[0] === site.streams[0].keyField;
      if (register && Number.isFinite(keptAfter)) {
        const edgeOf = (field: string, group: string) => {
          const left = oracle.chainTimes(field, group).map((time) => steps.start(time));
          return Math.min(...left.filter((start) => steps.end(start) > keptAfter));
        };
        for (const cells of [expected, found]) leaveOutEdges(cells, rollup, edgeOf);
      }
      takeNearForRight(found, expected, rollup);
      const at = `${rollup.name} by [${by}] at ${name} of shard ${engine.shard}`;
      same(at, shown(found), shown(expected));
    }
}

/** Finished values by group and start of bucket; a list stands as text. */
type Cells = Map<string, Map<number, Record<string, number | string | null>>>;

function keptOf(buckets: OracleBuckets, kept: (start: number) => boolean): Cells {
  const cells: Cells = new Map();
  for (const [group, byStart] of buckets) {
    const own = [...byStart]
      .filter(([start]) => kept(start))
      .map(([start, { values, lists }]) => {
        const listed = Object.entries(lists).map(([name, list]) => [name, JSON.stringify(list)]);
        return [start, { ...values, ...Object.fromEntries(listed) }] as const;
      });
    if (own.length > 0) cells.set(group, new Map(own));
  }
  return cells;
}

function bucketsOf(
  engine: ShardEngine,
  site: Site,
  rollup: RollupSpec,
  groupBy: number,
  tier: number,
  startMs: number,
): Cells {
  const from = startMs - YEAR_MS;
  const to = startMs + YEAR_MS;
  const widthMs = rollup.tiers[tier].widthMs;
  const reading = engine.read({
    rollup: rollup.name,
    groupBy,
    tier,
    from,
    to,
    where: [],
    maxGroups: 1000,
    edges: true,
  });
  let parts = reading.next();
  while (!parts.done) parts = reading.next();
  const layout = layoutOf(rollup, groupBy, site.streams[0]);
  const steps = stepBoundaries(site.timezone, widthMs, widthMs);
  const cells: Cells = new Map();
  parts.value.groups.forEach((group, at) => {
    const plan = { layout, measures: rollup.measures, steps, from, to, watermark: startMs, latenessMs: 0 };
    const series = finishSeries(plan, [parts.value.chunks[at]]);
    const byStart = new Map<number, Record<string, number | string | null>>();
    series.time.forEach((start, i) => {
      const values: Record<string, number | string | null> = {};
      for (const { name, fn } of rollup.measures)
        values[name] =
          fn === 'top'
            ? JSON.stringify(series.lists![name][i].map(({ value, count }) => [value, count]))
            : series.values[name][i];
      byStart.set(start, values);
    });
    if (byStart.size > 0) cells.set(JSON.stringify(group), byStart);
  });
  return cells;
}

/**
 * Where a tier forgets, the oldest interval of a register has lost its beginning. What it put into buckets up to that of
 * the first reading that is left cannot be told any more, and nothing is said about it here.
 */
function leaveOutEdges(
  cells: Cells,
  rollup: RollupSpec,
  edgeOf: (field: string, group: string) => number,
): void {
  const counters = rollup.measures.filter(({ fn }) => fn === 'increase' || fn === 'rate');
  for (const [group, byStart] of cells)
    for (const [start, values] of byStart)
      for (const { name, field } of counters) {
        if (start > edgeOf(field ?? '', group)) continue;
        values[name] = null;
        if (Object.values(values).every((value) => value === null || value === 0 || value === '[]'))
          byStart.delete(start);
      }
  for (const [group, byStart] of cells) if (byStart.size === 0) cells.delete(group);
}

/** A quantile within its stated bound is taken for the right one. */
function takeNearForRight(found: Cells, expected: Cells, rollup: RollupSpec): void {
  for (const { name } of rollup.measures.filter(({ fn }) => /^p[0-9]+$/.test(fn)))
    for (const [group, byStart] of found)
      for (const [start, values] of byStart) {
        const near = values[name];
        const exact = expected.get(group)?.get(start)?.[name];
        if (typeof near !== 'number' || typeof exact !== 'number') continue;
        if (Math.abs(near - exact) <= Math.abs(exact) * QUANTILE_ERROR) values[name] = exact;
      }
}

function shown(cells: Cells): string {
  const groups = [...cells].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups
    .flatMap(([group, byStart]) =>
      [...byStart]
        .sort(([a], [b]) => a - b)
        .map(([start, values]) => `${group} ${start} ${JSON.stringify(values)}`),
    )
    .join('\n');
}

/** A board that never crashed, never checkpointed and never forgot, given the same log, knows the same. */
function checkHash(site: Site, engine: ShardEngine, journal: Journal): void {
  same(
    `the state of shard ${engine.shard}`,
    engine.hash(),
    calmEngine(site, engine.shard, journal, new MemoryRunStore()).hash(),
  );
}

function calmEngine(site: Site, shard: number, journal: Journal, store: MemoryRunStore): ShardEngine {
  const calm = new ShardEngine({ site, shard, store });
  calm.load();
  for (const record of journal.records) calm.apply(record);
  return calm;
}

/** The same of all that is stored after a checkpoint, but for the revisions of its buckets. */
async function checkMendedHash(
  site: Site,
  shard: SimShard,
  store: MemoryRunStore,
  journal: Journal,
): Promise<void> {
  const { engine } = shard;
  while (shard.checkpointing || store.position(engine.shard) < engine.position) await shard.checkpointStep();
  const other = new MemoryRunStore();
  const calm = calmEngine(site, engine.shard, journal, other);
  const work = calm.checkpoint();
  while (work.slice());
  await work.commit();
  const hashOf = (one: ShardEngine, of: MemoryRunStore) =>
    driven(one.hashStored(unrevised(site, of.view(one.shard))));
  same(`what is stored of shard ${engine.shard}`, hashOf(engine, store), hashOf(calm, other));
}

function unrevised(site: Site, view: RunView): RunView {
  const tables = new Set(bucketTables(site));
  const unrevisedValue = (values: Uint8Array[]) => {
    const buckets = decodeChunk(mergeChunks(values));
    buckets.lanes[REVISION].fill(0);
    return encodeChunk(buckets);
  };
  return {
    get: (table, period, key) => view.get(table, period, key),
    *scan(table, period) {
      for (const { key, values } of view.scan(table, period))
        yield { key, values: tables.has(table) ? [unrevisedValue(values)] : values };
    },
    periods: (table, from, to) => view.periods(table, from, to),
    close: () => view.close(),
  };
}

function same(what: string, found: string, expected: string): void {
  if (found === expected) return;
  const theirs = new Set(expected.split('\n'));
  const ours = new Set(found.split('\n'));
  const wrong = [...ours].filter((line) => !theirs.has(line)).slice(0, 6);
  const missing = [...theirs].filter((line) => !ours.has(line)).slice(0, 6);
  throw new Violation(
    `${what}:\n  found     ${wrong.join('\n            ')}\n  expected  ${missing.join('\n            ')}`,
  );
}
