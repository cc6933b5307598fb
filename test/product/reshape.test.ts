import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Replay, RollupAnswer, SiteEditAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { type Appliance, weir as command, SITE, until } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded, shuffled } from './readings.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const RIGHT = { lost: 0, twice: 0, wrong: [] };
const MEASURES = 'measures: { kwh: increase(kwh), used: sum(used), peak: max(used), readings: count() }';

/** Late, out of order, some of it twice; what a connection that broke left open is sent again, as devices do. */
async function load(weir: Appliance, oracle: Oracle, meters: Meters, packs: number): Promise<void> {
  const random = seeded(seed + packs);
  for (let at = 0; at < packs; ) {
    const publisher = await Publisher.open(weir.mqttPort, oracle).catch(() => null);
    if (publisher === null) continue;
    const again = oracle.maybe();
    for (let some = 0; some < again.length; some += 50)
      await publisher.pack(again.slice(some, some + 50), true);
    for (; at < packs && !publisher.broken; at++) {
      await publisher.pack(shuffled(meters.take(50), random));
      const twice = at % 5 === 4 ? oracle.someAcked(20, random) : [];
      if (twice.length > 0) await publisher.pack(twice, true);
    }
    await publisher.settle().catch(() => undefined);
    await publisher.close();
  }
  if (oracle.maybe().length > 0) await load(weir, oracle, meters, 1);
}

/** The site file with other measures and group-bys. */
async function edited(data: string, measures: string, by: string): Promise<string> {
  const site = join(data, 'edited.yaml');
  const text = (await readFile(SITE, 'utf8'))
    .replace(MEASURES, measures)
    .replace('[[meter], [state], []]', by);
  await writeFile(site, text);
  return site;
}

async function begin(weir: Appliance, site: string): Promise<SiteEditAnswer> {
  const answer = await fetch(new URL('/api/v1/site', weir.http), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: await readFile(site, 'utf8'), apply: true, lose: true }),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as SiteEditAnswer;
}

async function takenOver(weir: Appliance, id: number): Promise<void> {
  await until(
    `the edit of replay ${id} to be in force`,
    async () =>
      (await weir.json<Replay>(`/api/v1/replays/${id}`)).state === 'applied' &&
      (await weir.status('/readyz')) === 200,
    120_000,
  );
}

async function differences(weir: Appliance): Promise<number> {
  const found = await command('replay', 'usage', '--url', weir.http, '--json');
  const replay = JSON.parse(found.stdout) as Replay;
  expect(replay).toMatchObject({ state: 'ready', fault: null });
  return replay.differences;
}

test(`measures and group-bys are changed under load, over kill -9, and lose no reading (seed ${seed})`, async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(40, Date.now() - 5_400_000, seeded(seed), 'p');
  const site = join(data, 'site-of-ours.yaml');
  await writeFile(site, await readFile(SITE, 'utf8'));
  let weir = await appliance({ data, site, more: ['--checkpoint', '1500'] });
  await load(weir, oracle, meters, 80);

  const least = 'measures: { kwh: increase(kwh), used: sum(used), least: min(used), readings: count() }';
  const first = await edited(data, least, '[[meter], [state], [concentrator], []]');
  const diff = await command('site', 'diff', first, '--url', weir.http);
  expect(diff.stdout).toMatch(/Made anew from raw, while the old buckets are served: usage\./);
  expect(diff.stdout).toMatch(/! rollups\.usage\.measures\.peak: what max\(used\) has counted is lost/);
  const refused = await command('site', 'apply', first, '--url', weir.http);
  expect(refused.stderr).toMatch(/the edit loses what was counted/);
  expect(refused.status).toBe(2);

  // While it is filled: the old one goes on, and the edit too.
  const { replay } = await begin(weir, first);
  await weir.kill();
  weir = await appliance({ data, site, more: ['--checkpoint', '1500'] });
  await Promise.all([load(weir, oracle, meters, 80), takenOver(weir, replay!)]);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  const path = '/api/v1/rollups/usage?from=-3h&step=1m&measures=least,readings&by=concentrator';
  const { series } = await weir.json<RollupAnswer>(path);
  const counted = series.flatMap((one) => one.values.readings).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  expect(counted).toBe(oracle.ackedReadings);
  expect(series.flatMap((one) => one.values.least)).not.toContain(null);
  expect(await differences(weir)).toBe(0);

  // In the middle of taking it over: without the register first, then with it again.
  const without = await edited(
    data,
    'measures: { used: sum(used), readings: count() }',
    '[[meter], [state], []]',
  );
  const second = await begin(weir, without);
  await until('the new tables to take their places', () => existsSync(join(data, 'reshape.json')), 120_000);
  await weir.kill();
  weir = await appliance({ data, site, more: ['--checkpoint', '1500'] });
  await takenOver(weir, second.replay!);
  expect(existsSync(join(data, 'reshape.json'))).toBe(false);
  await load(weir, oracle, meters, 40);
  const again = await command(
    'site',
    'apply',
    await edited(data, MEASURES, '[[meter], [state], []]'),
    '--url',
    weir.http,
  );
  expect(again.stdout, again.stderr).toMatch(/Applied\./);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  // Late readings find their neighbours in the history that was made anew.
  await load(weir, oracle, meters, 40);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(await differences(weir)).toBe(0);
}, 600_000);
