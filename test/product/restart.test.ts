import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { Appliance, SITE } from './appliance.ts';
import { appliance, finallyDo, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { rollupPath, verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const RIGHT = { lost: 0, twice: 0, wrong: [] };

async function answersOf(weir: Appliance, oracle: Oracle): Promise<RollupAnswer['series'][]> {
  const asked = [
    rollupPath(oracle, 'meter', '1m'),
    rollupPath(oracle, 'state', '15m'),
    rollupPath(oracle, 'all', '1h'),
  ];
  const answers = await Promise.all(asked.map((path) => weir.json<RollupAnswer>(path)));
  const byName = (one: RollupAnswer['series'][0]) => JSON.stringify(one.by);
  // Whether a bucket is final depends on the hour; its values and revisions do not.
  return answers.map(({ series }) =>
    series
      .map((one) => ({ ...one, final: [] }))
      .sort((a, b) => (byName(a) < byName(b) ? -1 : byName(a) > byName(b) ? 1 : 0)),
  );
}

async function load(weir: Appliance, oracle: Oracle, meters: Meters, packs: number): Promise<void> {
  const publisher = await Publisher.open(weir.mqttPort, oracle);
  for (let at = 0; at < packs; at++) await publisher.pack(meters.take(50));
  await publisher.settle();
  await publisher.close();
}

test(`SIGTERM drains and exits 0; after a start answers are equal and registers go on (seed ${seed})`, async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(30, Date.now() - 3_600_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  await load(weir, oracle, meters, 60);
  const before = await answersOf(weir, oracle);
  expect(await weir.stop()).toBe(0);
  weir = await appliance({ data });
  expect(await answersOf(weir, oracle)).toEqual(before);
  await load(weir, oracle, meters, 60);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(await weir.stop()).toBe(0);
  weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
});

test('SIGTERM under load exits 0 soon and keeps all that was acknowledged', async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(30, Date.now() - 3_600_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 200 });
  const sending = (async () => {
    while (await publisher.pack(meters.take(50)));
  })();
  while (publisher.ackMs.length < 100) await publisher.change();
  const startedMs = performance.now();
  expect(await weir.stop(), weir.talk).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  await sending;
  weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
});

test.each([true, false])(
  'SIGTERM right after the start exits 0 (open: %s)',
  async (open) => {
    const weir = await Appliance.start({ data: await temporaryDir(), open });
    finallyDo(() => weir.kill());
    expect(await weir.stop(), weir.talk).toBe(0);
  },
  60_000,
);

test('an edited site file starts over old data: what is new begins to count, what was goes on', async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(10, Date.now() - 3_600_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  await load(weir, oracle, meters, 20);
  expect(await weir.stop()).toBe(0);

  const site = join(data, 'edited.yaml');
  const added = `
  extra:
    of: electricity
    by: [[state]]
    measures: { used: sum(used), readings: count() }
    tiers: { 1m: 7d, 1h: 4mo }
`;
  const edited = (await readFile(SITE, 'utf8'))
    .replace('1m: 7d, 15m: 30d', '1m: 7d, 5m: 14d, 15m: 30d')
    .replace('state: text', 'state: text\n      volts: { type: gauge, unit: V }')
    .replace('readings: count() }', 'readings: count(), volts: mean(volts) }');
  await writeFile(site, edited + added);
  weir = await appliance({ data, site });
  const before = oracle.ackedReadings;
  await load(weir, oracle, meters, 20);
  // A rollup whose definition is as it was, and one that is new.
  const countOf = async (path: string) => {
    const { series } = await weir.json<RollupAnswer>(path);
    return series.flatMap((one) => one.values.readings).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  };
  const extra = await countOf('/api/v1/rollups/extra?from=-3h&step=1h&measures=readings');
  expect([oracle.ackedReadings, oracle.ackedReadings - before]).toContain(extra);
  const usage = await countOf('/api/v1/rollups/usage?from=-3h&step=1h&measures=readings');
  expect([oracle.ackedReadings, oracle.ackedReadings - before]).toContain(usage);
  expect(await weir.stop()).toBe(0);
});
