import { execFileSync } from 'node:child_process';
import type { EventsAnswer, LedgerAnswer, RollupAnswer } from '@weir/node/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Appliance } from './appliance.ts';
import { appliance } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, MINUTE_MS, type Reading, seeded, shuffled, single } from './readings.ts';
import { verify } from './verify.ts';

let weir: Appliance;
beforeAll(async () => {
  weir = await appliance();
});

const seed = Math.floor(Math.random() * 2 ** 31);
const oracle = new Oracle();
const HOUR_AGO = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;

async function bucketsOf(meter: string): Promise<RollupAnswer['series']> {
  const path = `/api/v1/rollups/usage?from=-3h&to=${Date.now() + MINUTE_MS}&step=1m&by=meter&where.meter=${meter}`;
  return (await weir.json<RollupAnswer>(path)).series;
}

function publish(reading: Reading): void {
  const { topic, payload } = single(reading);
  oracle.sent([reading]);
  execFileSync('mosquitto_pub', ['-p', String(weir.mqttPort), '-q', '1', '-t', topic, '-m', payload]);
  oracle.acked([reading]);
}

test('a reading that mosquitto_pub had acknowledged is in the very next answer', async () => {
  for (let count = 1; count <= 20; count++) {
    publish({ meter: 'by-hand', ts: HOUR_AGO + count, kwh: 1000 + count, used: 250, state: 'NY' });
    const [series] = await bucketsOf('by-hand');
    expect(series.values.readings).toEqual([count]);
    expect(series.values.used).toEqual([(count * 250) / 1000]);
  }
  const { events } = await weir.json<EventsAnswer>(
    `/api/v1/streams/electricity/events?from=-3h&where.meter=by-hand&limit=100`,
  );
  expect(events.length).toBe(20);
  expect(events[0]).toMatchObject({
    meter: 'by-hand',
    time: HOUR_AGO + 20,
    kwh: 1.02,
    used: 0.25,
    state: 'NY',
  });
});

describe(`loads (seed ${seed})`, () => {
  const random = seeded(seed);

  test('single readings and packs are each counted once, at every tier and by every group', async () => {
    const inPacks = new Meters(30, HOUR_AGO, random, 'p');
    const bySelves = new Meters(20, HOUR_AGO, random, 's');
    const publisher = await Publisher.open(weir.mqttPort, oracle);
    const before = oracle.ackedReadings;
    for (let at = 0; at < 60; at++) {
      await publisher.pack(inPacks.take(50));
      for (const reading of bySelves.take(20)) await publisher.single(reading);
    }
    await publisher.settle();
    expect(oracle.ackedReadings - before).toBe(60 * 70);
    await publisher.close();
    expect(await verify(weir, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
  });

  test('row 30: duplicates, with and without the DUP flag, singly and in packs, are counted once', async () => {
    const publisher = await Publisher.open(weir.mqttPort, oracle);
    const before = await ledger();
    // Through the same door as before: the concentrator is part of what a reading says.
    const again = oracle.someAcked(500, random);
    const packed = again.filter(({ meter }) => meter.startsWith('p'));
    for (const reading of again.filter(({ meter }) => !meter.startsWith('p')))
      await publisher.single(reading, random() < 0.5);
    for (let at = 0; at < packed.length; at += 50) await publisher.pack(packed.slice(at, at + 50));
    await publisher.settle();
    await publisher.close();
    expect(await verify(weir, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
    const after = await ledger();
    expect(after.counted).toBe(before.counted);
    expect(after.duplicate - before.duplicate).toBe(again.length);
  });

  test('rows 25 and 31: late and shuffled readings give what the same in order give', async () => {
    const readings = new Meters(1, HOUR_AGO - 40 * MINUTE_MS, random).take(1_500);
    const named = (meter: string) => readings.map((one) => ({ ...one, meter }));
    const publisher = await Publisher.open(weir.mqttPort, oracle);
    const inOrder = named('in-order');
    for (let at = 0; at < inOrder.length; at += 100) await publisher.pack(inOrder.slice(at, at + 100));
    for (const reading of shuffled(named('shuffled'), random)) await publisher.single(reading);
    await publisher.settle();
    await publisher.close();
    const [one] = await bucketsOf('in-order');
    const [other] = await bucketsOf('shuffled');
    expect(one.time.length).toBeGreaterThan(20);
    expect({ ...other, by: null, revision: null }).toEqual({ ...one, by: null, revision: null });
    expect(await verify(weir, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
    expect((await ledger()).lateMerged).toBeGreaterThan(1_000);
  });

  test('row 25: a reading of last month is merged into the tiers that still hold its time', async () => {
    const ts = Date.now() - 40 * 86_400_000;
    publish({ meter: 'old', ts, kwh: 1, used: 77, state: 'NY' });
    const path = `/api/v1/rollups/usage?from=-60d&step=1d&by=meter&where.meter=old&measures=readings,used`;
    const { series } = await weir.json<RollupAnswer>(path);
    expect(series[0].values).toEqual({ readings: [1], used: [0.077] });
    expect(series[0].time[0]).toBe(Math.floor(ts / 86_400_000) * 86_400_000);
  });

  async function ledger(): Promise<LedgerAnswer> {
    const answer = await weir.json<LedgerAnswer>('/api/v1/ledger?stream=electricity');
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, n) => all + n, 0);
    expect(answer.received).toBe(
      answer.counted + answer.duplicate + sum(answer.quarantined) + sum(answer.rejected),
    );
    return answer;
  }
});
