import assert from 'node:assert/strict';
import type { Site } from '../../contract/site/model.ts';
import { EngineRun, finishedCells, oracleCells } from './engine-run.ts';
import { Oracle, type TestReading, type TestRecord, type TestSwap } from './oracle.ts';
import { testSite } from './test-site.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ROWS_A_RECORD = 400;

export interface TwoWeeks {
  /** First day; the clocks change in the second week. */
  from: number;
  meters: number;
  everyMs: number;
  /** Width of the finest tier. */
  finestMs: number;
  seed: number;
}

export interface TwoWeeksFound {
  sent: number;
  counted: number;
  duplicates: number;
  late: number;
  buckets: number;
  /** The greatest difference between what the readings say and what the buckets of a tier add up to. */
  lost: number;
}

/**
 * Two weeks of meters that reset, are swapped, show zero for a moment and are cut off for two hours; a fifth of the
 * readings comes twice, a tenth up to two days late, and all in disorder. Every bucket of every tier and group-by must be
 * the oracle's; throws where one is not.
 */
export async function runTwoWeeks(options: TwoWeeks): Promise<TwoWeeksFound> {
  const random = mulberry(options.seed);
  const site = siteOf(options);
  const [rollup] = site.rollups;
  const log = logOf(options, random);
  const oracle = new Oracle(site, site.streams[0]);
  for (const record of log) oracle.apply(record);
  const disturbances = log.map((_, at) => (['none', 'checkpoint', 'fold', 'crash'] as const)[at % 4]);
  const engine = await new EngineRun(site, log).run(disturbances);
  const range = { from: options.from - DAY_MS, to: options.from + 16 * DAY_MS };
  const found: TwoWeeksFound = { sent: 0, counted: 0, duplicates: 0, late: 0, buckets: 0, lost: 0 };
  for (let groupBy = 0; groupBy < rollup.groupBys.length; groupBy++)
    for (let tier = 0; tier < rollup.tiers.length; tier++) {
      const name = `by ${rollup.groupBys[groupBy]} at ${rollup.tiers[tier].name}, seed ${options.seed}`;
      const cells = finishedCells(engine, site, 0, groupBy, tier, range);
      const expected = oracleCells(
        oracle.buckets(rollup, rollup.groupBys[groupBy], rollup.tiers[tier].widthMs),
      );
      assert.deepEqual(cells, expected, name);
      let total = 0;
      for (const byStart of Object.values(cells) as Record<number, { kwh: number }>[])
        for (const { kwh } of Object.values(byStart)) {
          total += Math.round(kwh * 1000);
          found.buckets++;
        }
      found.lost = Math.max(found.lost, Math.abs(total - oracle.increase('kwh')) / 1000);
    }
  found.sent = oracle.received;
  found.counted = oracle.counted;
  found.duplicates = oracle.duplicate;
  found.late = oracle.late;
  return found;
}

function siteOf({ finestMs }: TwoWeeks): Site {
  const site = testSite({ timezone: 'Europe/Berlin' });
  const [usage] = site.rollups;
  const keepMs = 4000 * DAY_MS;
  const finest = { name: `${finestMs / MINUTE_MS}m`, widthMs: finestMs, keepMs };
  const tiers = [finest, ...usage.tiers.filter((tier) => tier.widthMs >= HOUR_MS)];
  return { ...site, rollups: [{ ...usage, groupBys: [['meter'], ['state'], []], tiers }] };
}

interface Sent {
  at: number;
  reading: TestReading;
}

function logOf({ from, meters, everyMs }: TwoWeeks, random: () => number): TestRecord[] {
  const sent: Sent[] = [];
  const swaps: (TestSwap & { recordedAt: number })[] = [];
  for (let meter = 0; meter < meters; meter++) {
    const key = `m${meter}`;
    let shown = Math.floor(random() * 1_000_000);
    const outageFrom = from + Math.floor(random() * 13 * DAY_MS);
    for (let time = from + Math.floor(random() * everyMs); time < from + 14 * DAY_MS; time += everyMs) {
      const used = Math.floor(random() * 80);
      shown += used;
      const luck = random();
      if (luck < 0.003) shown = used;
      else if (luck < 0.006) {
        const swap = { id: `${key} ${time}`, undo: false, key, at: time - 1, last: shown, first: 17 };
        swaps.push({ ...swap, recordedAt: time + Math.floor(random() * DAY_MS) });
        shown = 17 + used;
      }
      const kwh = luck > 0.997 ? 0 : shown;
      const texts = { state: ['NY', 'CA'][meter % 2] };
      const reading = { key, time, numbers: { kwh, watts: used * 10 }, texts };
      const cutOff = time >= outageFrom && time < outageFrom + 2 * HOUR_MS;
      let at = cutOff ? outageFrom + 2 * HOUR_MS : time;
      if (random() < 0.1) at += Math.floor(random() * 2 * DAY_MS);
      // Disorder within a quarter of an hour, whatever else.
      sent.push({ at: at + Math.floor(random() * 15 * MINUTE_MS), reading });
      if (random() < 0.2) sent.push({ at: at + Math.floor(random() * 2 * DAY_MS), reading });
    }
  }
  sent.sort((a, b) => a.at - b.at);
  const log: TestRecord[] = [];
  for (let row = 0; row < sent.length; row += ROWS_A_RECORD) {
    const some = sent.slice(row, row + ROWS_A_RECORD);
    const wallMs = some[some.length - 1].at;
    const due = swaps.filter((swap) => swap.recordedAt <= wallMs || row + ROWS_A_RECORD >= sent.length);
    for (const swap of due) swaps.splice(swaps.indexOf(swap), 1);
    log.push({ wallMs, clockTrusted: true, readings: some.map(({ reading }) => reading), swaps: due });
  }
  return log;
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
