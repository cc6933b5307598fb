import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mergeFor, type Replay, type RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { clearBucket, newBuckets } from '../../node/src/contract/measures/buckets.ts';
import { decodeChunk, encodeChunk } from '../../node/src/contract/measures/chunk.ts';
import { ROWS } from '../../node/src/contract/measures/kinds.ts';
import { openLevelRunStore } from '../../node/src/store/runs/level-run-store.ts';
import { type Appliance, weir as command, SITE, until } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Meters, seeded } from './readings.ts';
import { untidyLoad } from './untidy-load.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const RIGHT = { lost: 0, twice: 0, wrong: [] };
const STORES = 4;
const SHARDS = 24;

async function post(weir: Appliance, path: string, body?: object, method = 'POST'): Promise<Replay> {
  const init = body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {};
  const answer = await fetch(new URL(path, weir.http), { method, ...init });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as Replay;
}

async function over(weir: Appliance, id: number): Promise<Replay> {
  let replay = await weir.json<Replay>(`/api/v1/replays/${id}`);
  await until(
    `replay ${id} to be over`,
    async () => {
      replay = await weir.json<Replay>(`/api/v1/replays/${id}`);
      return replay.state !== 'running' && replay.state !== 'applying';
    },
    120_000,
  );
  return replay;
}

/** Writes a delta into every bucket of one table that nothing ever sent, as no fault of the product could tell. */
async function damage(data: string, table: string): Promise<number> {
  let buckets = 0;
  for (let number = 0; number < STORES; number++) {
    const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter(
      (one) => one % STORES === number,
    );
    const dir = join(data, 'store', String(number));
    const store = await openLevelRunStore({ dir, shards, merge: mergeFor });
    for (const shard of shards) {
      const view = store.view(shard);
      const work = store.checkpoint(shard, store.position(shard));
      for (const period of view.periods(table, 0, Number.MAX_SAFE_INTEGER))
        for (const { key, values } of view.scan(table, period)) {
          const { kinds, starts } = decodeChunk(mergeFor(table)(values));
          const more = newBuckets(kinds, 1);
          clearBucket(more, 0, starts[0]);
          more.lanes[ROWS][0] = 7;
          more.n = 1;
          work.put(table, period, key, encodeChunk(more));
          buckets++;
        }
      await work.commit();
      view.close();
    }
    await store.close();
  }
  return buckets;
}

test(`a replay of what is right finds nothing; what was damaged is found, and corrected when applied (seed ${seed})`, async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(40, Date.now() - 5_400_000, seeded(seed), 'p');
  let weir = await appliance({ data, more: ['--checkpoint', '1500'] });
  await untidyLoad(weir, oracle, meters, { packs: 100, seed });
  const clean = await over(weir, (await post(weir, '/api/v1/replays', { rollup: 'usage' })).id);
  expect(clean).toMatchObject({ state: 'ready', differences: 0, fault: null, from: null });
  expect(clean.tiers).toHaveLength(12);
  for (const tier of clean.tiers) expect(tier.equal).toBeGreaterThan(0);
  // So does one that begins in the middle, with what history says of the time before.
  const middle = { rollup: 'usage', from: String(Math.round((oracle.fromMs + oracle.toMs) / 2)) };
  const part = await over(weir, (await post(weir, '/api/v1/replays', middle)).id);
  expect(part, JSON.stringify(part)).toMatchObject({ state: 'ready', differences: 0, fault: null });
  expect(part.tiers[0].equal).toBeGreaterThan(0);
  expect(part.tiers[0].equal).toBeLessThan(clean.tiers[0].equal);
  expect(await weir.stop()).toBe(0);

  const damaged = await damage(data, 'roll/usage/meter/1m');
  expect(damaged).toBeGreaterThan(0);
  weir = await appliance({ data, more: ['--checkpoint', '1500'] });
  expect((await verify(weir, oracle)).twice).toBeGreaterThan(0);
  const found = await command('replay', 'usage', '--url', weir.http);
  expect(found.status, found.stderr).toBe(6);
  // One bucket a day: shortly after midnight a meter has readings of two.
  expect(found.stdout).toMatch(/usage 1m meter=p\d+: (1 buckets, count\(\) -7|2 buckets, count\(\) -14)\n/);
  const ready = (await weir.json<{ replays: Replay[] }>('/api/v1/replays')).replays[0];
  expect(ready).toMatchObject({ state: 'ready', differences: damaged });
  expect(ready.tiers.find((one) => one.by[0] === 'meter' && one.tier === '1m')).toMatchObject({
    changed: damaged,
    added: 0,
    removed: 0,
  });
  // What comes between the report and its applying is in it.
  await untidyLoad(weir, oracle, meters, { packs: 40, seed });
  const applied = await command('replay', 'apply', String(ready.id), '--url', weir.http, '--json');
  expect(JSON.parse(applied.stdout)).toMatchObject({ state: 'applied', fault: null });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  await untidyLoad(weir, oracle, meters, { packs: 20, seed });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(await weir.stop()).toBe(0);
  weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
}, 600_000);

test(`a replay fills what the site file added, under load, over kill -9, or is cancelled (seed ${seed})`, async () => {
  const data = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(40, Date.now() - 5_400_000, seeded(seed), 'p');
  let weir = await appliance({ data });
  await untidyLoad(weir, oracle, meters, { packs: 100, seed });
  expect(await weir.stop()).toBe(0);
  const site = join(data, 'edited.yaml');
  const added = `
  extra:
    of: electricity
    by: [[state]]
    measures: { used: sum(used), grown: increase(kwh), readings: count() }
    tiers: { 1m: 7d, 1h: 4mo }
`;
  await writeFile(site, (await readFile(SITE, 'utf8')) + added);
  weir = await appliance({ data, site });
  // It begins by itself.
  const first = (await weir.json<{ replays: Replay[] }>('/api/v1/replays')).replays[0];
  expect(first).toMatchObject({ reason: 'site', rollups: ['extra'] });
  await weir.kill();
  weir = await appliance({ data, site });
  await untidyLoad(weir, oracle, meters, { packs: 60, seed });
  expect(await over(weir, first.id)).toMatchObject({ state: 'applied', fault: null });
  const path = '/api/v1/rollups/extra?from=-3h&step=1m&measures=readings';
  const { series } = await weir.json<RollupAnswer>(path);
  const counted = series.flatMap((one) => one.values.readings).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  expect(counted).toBe(oracle.ackedReadings);
  expect(await verify(weir, oracle)).toEqual(RIGHT);

  const begun = await post(weir, '/api/v1/replays', { rollup: 'usage', apply: true });
  const cancelled = await post(weir, `/api/v1/replays/${begun.id}`, undefined, 'DELETE');
  expect(['cancelled', 'applied']).toContain(cancelled.state);
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect((await command('replay', 'list', '--url', weir.http)).stdout).toMatch(/extra +site +applied/);
}, 600_000);
