import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerifyAnswer } from '@weir/node/contract';
import { beforeAll, expect, test } from 'vitest';
import { type Appliance, weir as command } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded, shuffled } from './readings.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);

type Verified = VerifyAnswer & { replay: { hash: string; equal: boolean; differing: number[] } | null };

async function verified(...args: string[]): Promise<Verified> {
  const { status, stdout, stderr } = await command('verify', ...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** Late, repeated and out of order, so that the state is more than a sum of what came. */
async function load(weir: Appliance, loadSeed: number): Promise<void> {
  const random = seeded(loadSeed);
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  const meters = new Meters(40, Date.now() - 7_200_000, random, 'p');
  const readings = meters.take(4_000);
  for (const order of [readings, shuffled(readings, random)])
    for (let at = 0; at < order.length; at += 50) await publisher.pack(order.slice(at, at + 50));
  await publisher.settle();
  await publisher.close();
}

/** Of an appliance that was killed: part of its log is in no checkpoint. */
let killed: string;
let asked: VerifyAnswer;

beforeAll(async () => {
  killed = await temporaryDir();
  const weir = await appliance({ data: killed, more: ['--checkpoint', '700'] });
  await load(weir, seed);
  asked = await verified('--url', weir.http);
  await load(weir, seed + 1);
  await weir.kill();
}, 60_000);

test(`a log gives one state, wherever checkpoints fell, in every run and when it is read again (seed ${seed})`, async () => {
  const fromLog = await temporaryDir();
  // The socket of a process that was killed is left, and is nothing to copy.
  await cp(killed, fromLog, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const offline = await verified('--data', killed, '--replay');
  expect(offline.replay).toMatchObject({ equal: true, hash: offline.hash, differing: [] });
  expect(offline.shards).toHaveLength(24);
  expect(new Set(offline.shards.map((one) => one.position))).toEqual(new Set([offline.position]));
  expect((await readdir(killed)).filter((name) => name.startsWith('verify-'))).toEqual([]);
  // A board that has to count everything again, with checkpoints at other places, and one that goes on.
  await rm(join(fromLog, 'store'), { recursive: true });
  for (const data of [killed, fromLog]) {
    const weir = await appliance({ data, more: ['--checkpoint', '3000'] });
    await weir.ready();
    expect(await weir.stop()).toBe(0);
    expect((await verified('--data', data, '--replay')).replay).toMatchObject({ equal: true });
  }
}, 120_000);

test('another log gives another state, and verify says so with its exit status', async () => {
  const weir = await appliance({});
  await load(weir, seed + 2);
  const other = await verified('--url', weir.http);
  expect(other.hash).not.toBe(asked.hash);
  const right = await command('verify', '--url', weir.http, '--expect', other.hash);
  expect({ status: right.status, stdout: right.stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^shard +record +hash\n +0 +\d+ +[0-9a-f]{32}\n/),
  });
  expect((await command('verify', '--url', weir.http, '--expect', asked.hash)).status).toBe(6);
});

test('verify asks the appliance that has the directory open, and refuses what is none or what a replay would disturb', async () => {
  const data = await temporaryDir();
  expect((await command('verify', '--data', data)).status).toBe(1);
  expect(await readdir(data)).toEqual([]);
  const weir = await appliance({ data });
  await load(weir, seed);
  expect((await verified('--data', data)).hash).toBe((await verified('--url', weir.http)).hash);
  const inUse = await command('verify', '--data', data, '--replay');
  expect(inUse).toMatchObject({ status: 1, stderr: expect.stringMatching(/WEIR_DATA_IN_USE/) });
  expect((await command('verify', '--replay')).status).toBe(2);
}, 60_000);
