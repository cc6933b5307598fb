import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ShardReadQuestion } from '../contract/ask/shard-questions.ts';
import { stepBoundaries } from '../contract/measures/boundaries.ts';
import { encodeGroup, nameHash } from '../contract/measures/entry-key.ts';
import { finishSeries } from '../contract/measures/finish.ts';
import { layoutOf } from '../contract/measures/layout.ts';
import { shardOfHash } from '../contract/reading/shard-of.ts';
import { driven } from './driven.ts';
import { ShardEngine } from './engine.ts';
import { buildRecord } from './testing/build-record.ts';
import { MemoryRunStore } from './testing/memory-run-store.ts';
import type { TestReading } from './testing/oracle.ts';
import { testSite } from './testing/test-site.ts';

const BASE = Date.UTC(2026, 2, 10, 8);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const site = testSite({ idFields: ['meter', 'ts'] });
const at = (key: string, time: number, kwh: number, state = 'NY'): TestReading => ({
  key,
  time: BASE + time,
  numbers: { kwh, watts: kwh % 100 },
  texts: { state },
});

class Subject {
  readonly store = new MemoryRunStore();
  readonly engine: ShardEngine;
  #seq = 0;

  constructor(options: { rawMs?: number; site?: typeof site } = {}) {
    this.engine = new ShardEngine({
      site: options.site ?? site,
      shard: 3,
      store: this.store,
      rawMs: options.rawMs,
    });
    this.engine.load();
  }

  send(readings: TestReading[], wallMs: number | null = null): void {
    const record = { wallMs: wallMs ?? BASE, clockTrusted: wallMs !== null, readings };
    this.engine.apply(buildRecord(site.streams[0], 3, ++this.#seq, record));
  }

  async checkpoint(): Promise<void> {
    const work = this.engine.checkpoint();
    while (work.slice()) await work.flush();
    await work.commit();
  }

  read(more: Partial<ShardReadQuestion>) {
    const whole = { from: BASE - DAY_MS, to: BASE + DAY_MS, where: [], maxGroups: 100, edges: true };
    return driven(this.engine.read({ rollup: 'usage', groupBy: 0, tier: 0, ...whole, ...more }));
  }
}

function increases(chunks: Uint8Array[], from: number, to: number): [number, number | null][] {
  const rollup = site.rollups[0];
  const steps = stepBoundaries(site.timezone, MINUTE_MS, MINUTE_MS);
  const plan = {
    layout: layoutOf(rollup, 0, site.streams[0]),
    measures: [rollup.measures[0]],
    steps,
    from,
    to,
  };
  const series = finishSeries({ ...plan, watermark: null, latenessMs: 0 }, chunks);
  return series.time.map((start, i) => [(start - BASE) / MINUTE_MS, series.values.kwh[i]]);
}

describe('a question to a shard', () => {
  test('that names its groups finds them in the store and in memory', async () => {
    const subject = new Subject();
    subject.send([at('m1', 0, 0), at('m2', 0, 0), at('m3', 0, 0, 'CA')]);
    await subject.checkpoint();
    subject.send([at('m1', 30_000, 300), at('m4', 0, 0)]);
    const named = subject.read({ where: [{ dim: 0, values: ['m4', 'm1', 'nobody'] }] });
    expect(named.groups.flat().sort()).toEqual(['m1', 'm4']);
    expect(
      increases([named.chunks[named.groups.findIndex(([key]) => key === 'm1')]], BASE, BASE + DAY_MS),
    ).toEqual([[0, 0.3]]);
    const both = subject.read({ groupBy: 3, where: [{ dim: 1, values: ['CA'] }] });
    expect(both.groups).toEqual([['m3', 'CA']]);
  });

  test('of windows is answered with what lies in each of them, a step apart', () => {
    const subject = new Subject();
    const minutes = Array.from({ length: 121 }, (_, n) => n / 2);
    // One thousandth of a kWh each second.
    subject.send(minutes.map((minute) => at('m1', minute * MINUTE_MS, minute * 60)));
    const rollup = site.rollups[0];
    const from = BASE + 20 * MINUTE_MS;
    const to = BASE + 60 * MINUTE_MS;
    const series = finishSeries(
      {
        layout: layoutOf(rollup, 0, site.streams[0]),
        measures: rollup.measures.filter(({ name }) => ['kwh', 'power', 'readings'].includes(name)),
        steps: stepBoundaries(site.timezone, MINUTE_MS, 5 * MINUTE_MS),
        window: 6,
        from,
        to,
        watermark: BASE + 70 * MINUTE_MS,
        latenessMs: 10 * MINUTE_MS,
      },
      subject.read({ from: from - 25 * MINUTE_MS, to }).chunks,
    );
    expect(series.time.map((time) => (time - BASE) / MINUTE_MS)).toEqual([20, 25, 30, 35, 40, 45, 50, 55]);
    expect(series.values).toEqual({
      kwh: [1.5, 1.8, 1.8, 1.8, 1.8, 1.8, 1.8, 1.8],
      power: [1.5 / 1800, ...new Array(7).fill(1.8 / 1800)],
      readings: [50, 60, 60, 60, 60, 60, 60, 60],
    });
    expect(series.final).toEqual(new Array(8).fill(true));
  });

  test('stops at its bound and says so, and names the same groups wherever they are', async () => {
    const keys = Array.from({ length: 30 }, (_, n) => at(`m${n}`, 0, n));
    const calm = new Subject();
    calm.send(keys);
    const moved = new Subject();
    moved.send(keys.slice(0, 20));
    await moved.checkpoint();
    moved.send(keys.slice(20));
    const few = calm.read({ maxGroups: 7 });
    expect(few.truncated).toBe(true);
    expect(few.groups).toHaveLength(7);
    expect(moved.read({ maxGroups: 7 }).groups).toEqual(few.groups);
    expect(calm.read({ maxGroups: 30 })).toMatchObject({ truncated: false });
  });

  test('about the inside of a gap is lent the readings on both sides, in the store and in memory', async () => {
    const subject = new Subject();
    subject.send([at('m1', 0, 0)]);
    await subject.checkpoint();
    subject.send([at('m1', 6 * 60 * MINUTE_MS, 3_600_000)]);
    const inside = { from: BASE + 60 * MINUTE_MS, to: BASE + 63 * MINUTE_MS };
    const expected = [60, 61, 62].map((minute) => [minute, 10_000 / 1000]);
    for (const checkpointed of [false, true]) {
      if (checkpointed) await subject.checkpoint();
      for (const where of [[], [{ dim: 0, values: ['m1'] }]]) {
        const parts = subject.read({ ...inside, where });
        // A scan shows the groups that have a bucket in the range, or whose gap may cross it.
        if (parts.chunks.length > 0)
          expect(increases(parts.chunks, inside.from, inside.to)).toEqual(expected);
        else expect(where).toEqual([]);
      }
    }
  });

  test('about the inside of a gap is lent them past readings that lack the field', async () => {
    const subject = new Subject();
    const silent = (time: number): TestReading => ({
      ...at('m1', time, 0),
      numbers: { kwh: null, watts: null },
    });
    subject.send([at('m1', 0, 0), silent(50 * MINUTE_MS), silent(70 * MINUTE_MS)]);
    subject.send([silent(5 * 60 * MINUTE_MS), at('m1', 6 * 60 * MINUTE_MS, 3_600_000)]);
    const inside = { from: BASE + 60 * MINUTE_MS, to: BASE + 62 * MINUTE_MS };
    for (const checkpointed of [false, true]) {
      if (checkpointed) await subject.checkpoint();
      const parts = subject.read({ ...inside, where: [{ dim: 0, values: ['m1'] }] });
      expect(increases(parts.chunks, inside.from, inside.to)).toEqual([
        [60, 10],
        [61, 10],
      ]);
    }
  });

  test('sees one state, whatever is applied or committed while it reads', async () => {
    const subject = new Subject();
    subject.send(Array.from({ length: 500 }, (_, n) => at(`m${n}`, 0, n)));
    const reading = subject.engine.read({
      rollup: 'usage',
      groupBy: 0,
      tier: 0,
      from: BASE,
      to: BASE + DAY_MS,
      where: [],
      maxGroups: 1000,
      edges: false,
    });
    reading.next();
    await subject.checkpoint();
    subject.send(Array.from({ length: 500 }, (_, n) => at(`later${n}`, 0, n)));
    const parts = driven(reading);
    expect(parts.groups).toHaveLength(500);
  });

  test('for the largest answers what finishing all of them would', async () => {
    const subject = new Subject();
    subject.send(Array.from({ length: 40 }, (_, n) => at(`m${n}`, n, 1000)));
    await subject.checkpoint();
    subject.send(Array.from({ length: 40 }, (_, n) => at(`m${n}`, 40_000, 1000 + ((n * 7) % 40) * 10)));
    const top = driven(
      subject.engine.fold({
        rollup: 'usage',
        groupBy: 0,
        tier: 0,
        measure: 'kwh',
        k: 3,
        from: BASE,
        to: BASE + DAY_MS,
        where: [],
      }),
    );
    expect(top.ranked.map((row) => row.value)).toEqual([0.39, 0.38, 0.37]);
    const folded = driven(
      subject.engine.fold({
        rollup: 'usage',
        groupBy: 1,
        tier: 0,
        measure: 'kwh',
        k: 3,
        from: BASE,
        to: BASE + DAY_MS,
        where: [],
      }),
    );
    expect(folded.ranked).toEqual([]);
    expect(folded.parts?.groups).toEqual([['NY']]);
  });
});

describe('the ranges that changed', () => {
  test('are told once, late ones apart', () => {
    const subject = new Subject();
    subject.send([at('m1', 3 * 60 * MINUTE_MS, 5)], BASE + 3 * 60 * MINUTE_MS);
    subject.engine.takeChanges();
    subject.send([at('m1', 10_000, 1), at('m1', 3 * 60 * MINUTE_MS + 70_000, 6)], BASE + 3 * 60 * MINUTE_MS);
    const minutes = subject.engine
      .takeChanges()
      .filter((change) => change.rollup === 'plain')
      .map(({ from, to }) => [(from - BASE) / MINUTE_MS, (to - BASE) / MINUTE_MS]);
    expect(minutes[0][0]).toBe(0);
    expect(minutes[1][1]).toBe(182);
    expect(subject.engine.takeChanges()).toEqual([]);
  });
});

describe('the ledger', () => {
  test('counts what was set aside in the shard of its topic, by hour of log time', () => {
    const subject = new Subject();
    const aside = Array.from({ length: 48 }, (_, n) => ({
      stream: n % 2 === 0 ? 'electricity' : 'nothing',
      reason: 'malformed' as const,
      topic: `meters/${n}/electricity`,
      payload: new Uint8Array(0),
      payloadBytes: 0,
    }));
    const mine = aside.filter(({ topic }) => shardOfHash(nameHash(encodeGroup([topic]))) === 3);
    subject.engine.apply({
      seq: 1,
      wallMs: BASE,
      clockTrusted: true,
      layouts: [],
      sections: [],
      setAside: aside,
    });
    const all = subject.engine.ledger(BASE, BASE + 1, null);
    expect(all).toMatchObject({ received: mine.length, quarantined: { malformed: mine.length } });
    expect(subject.engine.ledger(BASE + 2 * 60 * MINUTE_MS, BASE + DAY_MS, null).received).toBe(0);
  });
});

describe('a reading older than raw is kept', () => {
  test('is merged without proof, and leaves the registers alone', async () => {
    const subject = new Subject({ rawMs: 60 * MINUTE_MS });
    subject.send([at('m1', 0, 100), at('m1', 30_000, 130)]);
    await subject.checkpoint();
    subject.send([at('m1', 10_000, 110), at('m1', 10_000, 110)], BASE + 2 * 60 * MINUTE_MS);
    expect(subject.engine.ledger(0, Number.MAX_SAFE_INTEGER, null)).toMatchObject({
      counted: 4,
      duplicate: 0,
      lateUnproven: 2,
    });
    const parts = subject.read({});
    expect(increases(parts.chunks, BASE, BASE + DAY_MS)).toEqual([[0, 0.03]]);
  });

  test('is set aside where the site file says so, and the ledger reconciles', () => {
    const site = testSite({ idFields: ['meter', 'ts'] });
    const [stream] = site.streams;
    const strict = { ...site, streams: [{ ...stream, beyondRaw: 'quarantine' as const }] };
    const subject = new Subject({ rawMs: 60 * MINUTE_MS, site: strict });
    subject.send([at('m1', 0, 100), at('m1', 30_000, 130)]);
    subject.send([at('m1', 10_000, 110)], BASE + 2 * 60 * MINUTE_MS);
    expect(subject.engine.ledger(0, Number.MAX_SAFE_INTEGER, null)).toMatchObject({
      received: 3,
      counted: 2,
      quarantined: { beyondRaw: 1 },
    });
  });

  test('gives one state wherever checkpoints fall, also when tiers forget', async () => {
    const reading = fc
      .record({
        key: fc.constantFrom('a', 'b'),
        time: fc.integer({ min: 0, max: 3 * DAY_MS }),
        kwh: fc.nat(9),
      })
      .map(({ key, time, kwh }) => at(key, Math.floor(time / 7_200_000) * 7_200_000, kwh));
    const record = fc.record({
      readings: fc.array(reading, { maxLength: 5 }),
      ahead: fc.nat(DAY_MS),
      cut: fc.boolean(),
    });
    const forgetful = testSite({ idFields: ['meter', 'ts'], keepDays: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 10 }), async (records) => {
        const options = { rawMs: DAY_MS, site: forgetful };
        const [calm, cut] = [new Subject(options), new Subject(options)];
        let wallMs = BASE;
        for (const one of records) {
          wallMs += one.ahead;
          for (const subject of [calm, cut]) subject.send(one.readings, wallMs);
          if (one.cut) await cut.checkpoint();
        }
        expect(cut.engine.hash()).toBe(calm.engine.hash());
        for (let tier = 0; tier < 4; tier++) {
          const more = { tier, to: BASE + 20 * DAY_MS };
          const groups = (subject: Subject) => subject.read(more).groups.flat().sort();
          expect(groups(cut)).toEqual(groups(calm));
        }
      }),
      { numRuns: 25 },
    );
  });
});
