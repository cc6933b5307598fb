import { stepBoundaries } from '../../contract/measures/boundaries.ts';
import { finishSeries } from '../../contract/measures/finish.ts';
import { layoutOf } from '../../contract/measures/layout.ts';
import type { Quality } from '../../contract/measures/quality.ts';
import type { Site } from '../../contract/site/model.ts';
import { ShardEngine } from '../engine.ts';
import { buildRecord } from './build-record.ts';
import { MemoryRunStore } from './memory-run-store.ts';
import type { OracleBuckets, TestRecord } from './oracle.ts';

const SHARD = 3;

/** What happens to an engine between two records. */
export type Disturbance = 'none' | 'checkpoint' | 'crash' | 'fold';

/** An engine over a store in memory that is given records, and disturbed between them. */
export class EngineRun {
  readonly store = new MemoryRunStore();
  readonly site: Site;
  readonly #records: TestRecord[];
  engine: ShardEngine;
  #next = 0;

  constructor(site: Site, records: TestRecord[]) {
    this.site = site;
    this.#records = records;
    this.engine = this.#open();
  }

  #open(): ShardEngine {
    const engine = new ShardEngine({ site: this.site, shard: SHARD, store: this.store });
    engine.load();
    return engine;
  }

  async run(disturbances: Disturbance[] = []): Promise<ShardEngine> {
    for (let turn = 0; this.#next < this.#records.length; turn++) {
      const record = this.#records[this.#next++];
      this.engine.apply(buildRecord(this.site.streams[0], SHARD, this.#next, record));
      // Once round: a crash takes back what came since the last checkpoint, and must not do so for ever.
      const what = disturbances[turn] ?? 'none';
      if (what === 'checkpoint') await this.#checkpoint();
      else if (what === 'fold') this.store.fold(SHARD);
      else if (what === 'crash') {
        this.engine = this.#open();
        this.#next = this.engine.position;
      }
    }
    return this.engine;
  }

  async #checkpoint(): Promise<void> {
    const work = this.engine.checkpoint();
    while (work.slice()) await work.flush();
    await work.commit();
  }
}

/** Finished values by group and start of bucket, as the oracle has them; what is zero or null throughout is left out. */
export function finishedCells(
  engine: ShardEngine,
  site: Site,
  rollupAt: number,
  groupBy: number,
  tier: number,
  range: { from: number; to: number },
  withQuality = false,
): Record<string, Record<number, unknown>> {
  const rollup = site.rollups[rollupAt];
  const asked = { rollup: rollup.name, groupBy, tier, ...range, where: [], maxGroups: 10_000, edges: true };
  const reading = engine.read(asked);
  let one = reading.next();
  while (!one.done) one = reading.next();
  const plan = {
    layout: layoutOf(rollup, groupBy, site.streams[0]),
    measures: rollup.measures,
    steps: stepBoundaries(site.timezone, rollup.tiers[tier].widthMs, rollup.tiers[tier].widthMs),
    ...range,
    watermark: one.value.watermark,
    latenessMs: site.streams[0].latenessMs,
    quality: true,
  };
  const found: Record<string, Record<number, unknown>> = {};
  one.value.groups.forEach((group, at) => {
    const series = finishSeries(plan, [one.value.chunks[at]]);
    const cells: Record<number, unknown> = {};
    series.time.forEach((start, i) => {
      const values = Object.entries(series.values).map(([name, all]) => [name, all[i]]);
      cells[start] = withQuality ? qualityCell(series.quality!, i) : Object.fromEntries(values);
    });
    if (series.time.length > 0) found[JSON.stringify(group)] = cells;
  });
  return found;
}

function qualityCell(quality: Quality, at: number): Record<string, unknown> {
  const { coverage, estimated, duplicates, resets } = quality;
  return {
    coverage: coverage[at],
    estimated: estimated.kwh[at],
    duplicates: duplicates[at],
    resets: resets[at],
  };
}

/** The same of the oracle. */
export function oracleCells(buckets: OracleBuckets): Record<string, Record<number, unknown>> {
  const expected: Record<string, Record<number, unknown>> = {};
  for (const [group, cells] of buckets)
    expected[group] = Object.fromEntries([...cells].map(([start, { values }]) => [start, values]));
  return expected;
}
