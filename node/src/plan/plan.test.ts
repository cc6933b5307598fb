import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { parseSite, type Site } from '../contract/index.ts';
import { checkpointEveryMs, commitsPerSecond, estimate } from './estimate.ts';
import type { Measured } from './measure.ts';
import { PlanRun } from './plan-run.ts';
import { planSite } from './plan-site.ts';
import { type StreamLoad, SyntheticLoad } from './synthetic-load.ts';

const parsed = parseSite(
  `weir: 1
site: { wear: { tbw: 10TB } }
streams:
  electricity:
    from: ["meters/{meter}/electricity", "packs/{concentrator}/electricity"]
    time: ts
    key: meter
    id: [meter, ts]
    fields: { kwh: { type: counter, decimals: 3 }, watts: gauge, state: text, open: bool }
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), watts: mean(watts), readings: count() }
    tiers: { 15m: 30d, 1h: 1y }
retention: { raw: 7d }
`,
  'plan.yaml',
);
if (parsed.site === null) throw new Error(JSON.stringify(parsed.faults));
const site: Site = parsed.site;
const load = (more: Partial<StreamLoad> = {}): StreamLoad => ({
  stream: site.streams[0],
  keys: 50,
  everyMs: 15 * 60_000,
  pack: 1,
  values: 5,
  ...more,
});

describe('invented messages', () => {
  test('say the same each time, singly and in packs, and each reading once', () => {
    const texts = (pack: number) =>
      [0, 1].flatMap((round) => [...new SyntheticLoad(load({ pack }), 50, 0).round(round)]);
    const singles = texts(1);
    expect(singles).toHaveLength(100);
    expect(singles[0].topic).toBe('meters/m000000/electricity');
    expect(texts(1)).toEqual(singles);
    const packs = texts(20);
    expect(packs[0].topic).toMatch(/^packs\/v\d\/electricity$/);
    expect(packs.map(({ readings }) => readings)).toEqual([20, 20, 10, 20, 20, 10]);
  });

  test('are counted, every one, by the parts of the product', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises');
    const dir = await mkdtemp(`${tmpdir()}/weir-plan-test-`);
    const run = await PlanRun.open({
      site,
      loads: [load()],
      keys: 50,
      spanMs: 4 * 3_600_000,
      checkpointMs: 3_600_000,
      dir,
    });
    try {
      await run.toTheEnd();
      const ledgers = run.engines.map((engine) => engine.ledger(-9e15, 9e15, null));
      expect(ledgers.reduce((sum, { counted }) => sum + counted, 0)).toBe(50 * 16);
      expect(ledgers.reduce((sum, { received }) => sum + received, 0)).toBe(50 * 16);
      expect(run.figures).toMatchObject({ readings: 800, checkpoints: 4 });
      expect(run.figures.handedBytes).toBeGreaterThan(0);
    } finally {
      await run.close();
      await rm(dir, { recursive: true });
    }
  });
});

describe('the estimate', () => {
  const steady = {
    readings: 1000,
    checkpoints: 26,
    handedMs: 3_600_000,
    cpu: { taking: 1, applying: 1, storing: 1 },
  };
  const measured: Measured = {
    small: { ...steady, keys: 10, handedBytes: 20_000, memoryBytes: 2e6 },
    large: { ...steady, keys: 40, handedBytes: 50_000, memoryBytes: 5e6 },
    tiers: site.rollups[0].groupBys.flatMap((by) =>
      ['15m', '1h'].map((tier) => ({ rollup: 'usage', by, tier, bytesPerChunk: 100 })),
    ),
    historyBytes: 6,
    logBytesPerReading: 10,
    syncMs: 5,
    commitMicros: 1_000,
    pageMs: { p50: 1, p99: 2 },
  };
  const plan = (more: Partial<StreamLoad>, other: Site = site) =>
    estimate(other, [load(more)], measured, checkpointEveryMs([load(more)], 1));

  test('grows with devices, with their pace and with what is kept', () => {
    const base = plan({ keys: 1000 });
    const more = plan({ keys: 2000 });
    const faster = plan({ keys: 1000, everyMs: 60_000 });
    expect(more.disk.rawBytes / base.disk.rawBytes).toBeCloseTo(2);
    expect(more.memoryBytes).toBeGreaterThan(base.memoryBytes);
    expect(faster.disk.rawBytes / base.disk.rawBytes).toBeCloseTo(15);
    expect(faster.flash.bytesPerDay).toBeGreaterThan(base.flash.bytesPerDay);
    expect(faster.lifeMonths!).toBeLessThan(base.lifeMonths!);
    const short = { ...site, retention: { ...site.retention, rawMs: 86_400_000 } };
    expect(plan({ keys: 1000 }, short).disk.rawBytes * 7).toBeCloseTo(base.disk.rawBytes);
  });

  test('of raw is bounded by its bytes, and says how long they last', () => {
    const bounded = { ...site, retention: { rawMs: 7 * 86_400_000, rawBytes: 16e6 } };
    const { disk } = plan({ keys: 100_000 }, bounded);
    expect(disk.rawBytes).toBeCloseTo(16e6);
    expect(disk.rawMs).toBeLessThan(7 * 86_400_000);
  });

  test('lets messages that come together share a commit', () => {
    expect(commitsPerSecond([load({ keys: 900 })], 5)).toBeCloseTo(1, 1);
    const many = commitsPerSecond([load({ keys: 9_000_000 })], 5);
    expect(many).toBeGreaterThan(150);
    expect(many).toBeLessThan(200);
    expect(commitsPerSecond([load({ keys: 1 })], 5)).toBeCloseTo(1 / 15);
  });

  test('says nothing of the life of a card that it knows nothing of', () => {
    expect(plan({}, { ...site, wear: undefined }).lifeMonths).toBeNull();
  });
});

test('a plan is drawn from measurements on this machine', { timeout: 120_000 }, async () => {
  const { plan, measured } = await planSite(site, [load({ pack: 10 })], { dir: tmpdir(), calibrate: false });
  expect(measured.tiers).toHaveLength(6);
  expect(measured.tiers.every(({ bytesPerChunk }) => bytesPerChunk > 0)).toBe(true);
  expect(measured.logBytesPerReading).toBeGreaterThan(2);
  expect(measured.logBytesPerReading).toBeLessThan(100);
  expect(measured.commitMicros).toBeGreaterThan(20);
  expect(plan.load.readingsPerSecond).toBeCloseTo(50 / 900);
  expect(plan.disk.totalBytes).toBeGreaterThan(plan.disk.rawBytes);
  expect(plan.lifeMonths).toBeGreaterThan(12);
});
