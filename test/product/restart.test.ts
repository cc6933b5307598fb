import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplaysAnswer, RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { Appliance, weir as command, SITE, until } from './appliance.ts';
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

async function countOf(weir: Appliance, query: string): Promise<number> {
  const path = `/api/v1/rollups/${query}&from=-3h&measures=readings`;
  const { series } = await weir.json<RollupAnswer>(path);
  return series.flatMap((one) => one.values.readings).reduce<number>((sum, n) => sum + (n ?? 0), 0);
}

test('what an edited site file adds counts from the restart on, and is filled from raw; what was there goes on', async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(10, Date.now() - 3_600_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  await load(weir, oracle, meters, 20);
  expect(await weir.stop()).toBe(0);
  const before = oracle.ackedReadings;

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
    .replace('[[meter], [state], []]', '[[meter, state], [meter], [state], []]')
    .replace('state: text', 'volts: { type: gauge, unit: V }\n      state: text');
  await writeFile(site, edited + added);
  weir = await appliance({ data, site });
  await load(weir, oracle, meters, 20);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  await until(
    'what is new to be filled',
    async () => {
      const { replays } = await weir.json<ReplaysAnswer>('/api/v1/replays');
      return replays.length === 1 && replays[0].reason === 'site' && replays[0].state === 'applied';
    },
    60_000,
  );
  expect(before).toBeGreaterThan(0);
  for (const path of ['extra?step=1h', 'usage?step=5m', 'usage?step=1m&by=meter,state&limit=1000'])
    expect(await countOf(weir, path), path).toBe(oracle.ackedReadings);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(await weir.stop()).toBe(0);
  // And back again: what was taken out is left alone, and all that was asked for before is there.
  weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
}, 600_000);

test('weir site tells the differences, applies them without losing a reading, and forgets', async () => {
  const data = await temporaryDir();
  const site = join(data, 'own.yaml');
  const text = await readFile(SITE, 'utf8');
  await writeFile(site, text);
  const oracle = new Oracle();
  const meters = new Meters(10, Date.now() - 3_600_000, seeded(seed), 'p');
  const weir = await appliance({ data, site });
  await load(weir, oracle, meters, 20);
  const edited = join(data, 'edited.yaml');
  await writeFile(
    edited,
    text.replace('1m: 7d, 15m: 30d', '1m: 7d, 5m: 14d').replace('[state], []]', '[state]]'),
  );
  const told = await command('site', 'diff', edited, '--url', weir.http);
  expect(told.stdout.split('\n').slice(0, 3)).toEqual([
    '+ rollups.usage.tiers.5m is new: kept 14d; it is filled from raw',
    '- rollups.usage.by [] is gone; what it counted is kept',
    '- rollups.usage.tiers.15m is gone: kept 30d; what it counted is kept',
  ]);
  const wrong = join(data, 'wrong.yaml');
  const fine = 'used: { type: number, unit: kWh, decimals: 3 }';
  await writeFile(wrong, text.replace(fine, fine.replace('decimals: 3', 'decimals: 2')));
  const refused = await command('site', 'apply', wrong, '--url', weir.http);
  expect(refused).toMatchObject({ status: 3, stderr: expect.stringMatching(/rollups\.usage/) });
  // Whoever publishes meanwhile is cut off at some moment; what it has no acknowledgement of it sends again.
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 8 });
  const sending = (async () => {
    while (await publisher.pack(meters.take(10)));
  })();
  const applied = await command('site', 'apply', edited, '--url', weir.http);
  expect(applied, applied.stderr).toMatchObject({ status: 0, stdout: expect.stringMatching(/Applied/) });
  await sending;
  await publisher.close();
  const again = await Publisher.open(weir.mqttPort, oracle);
  await again.pack(oracle.maybe(), true);
  await again.settle();
  await again.close();
  await until('the new tier to be filled', async () => {
    const count = await countOf(weir, 'usage?step=5m&by=state');
    return count === oracle.ackedReadings;
  });
  const forgotten = await command('site', 'forget', 'usage', '--url', weir.http);
  expect(forgotten.stdout).toMatch(/6 tables/);
  expect((await command('site', 'forget', 'usage', '--url', weir.http)).status).toBe(1);
  expect(await readFile(site, 'utf8')).toBe(await readFile(edited, 'utf8'));
  expect(await readFile(`${site}.before`, 'utf8')).toBe(text);
}, 600_000);

test('an edit that stored state does not fit is refused with the difference, and nothing is touched', async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(10, Date.now() - 3_600_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  await load(weir, oracle, meters, 20);
  expect(await weir.stop()).toBe(0);
  const text = await readFile(SITE, 'utf8');
  const edits = [
    text.replace('readings: count() }', 'readings: count(), low: min(used) }'),
    text.replace(
      'used: { type: number, unit: kWh, decimals: 3 }',
      'used: { type: number, unit: kWh, decimals: 2 }',
    ),
    text.replace('used: sum(used), ', ''),
  ];
  for (const [at, edit] of edits.entries()) {
    const site = join(data, `edit-${at}.yaml`);
    await writeFile(site, edit);
    const refused = await command(
      'up',
      site,
      '--data',
      data,
      '--mqtt',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
    );
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringMatching(/rollups\.usage/) });
  }
  weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
}, 600_000);
