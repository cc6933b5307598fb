import { join } from 'node:path';
import type { RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { appliance, temporaryDir } from './harness.ts';
import { checkMeasures } from './measure-oracle.ts';
import { type Group, Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded, shuffled } from './readings.ts';
import { rollupPath } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const ASKED: [Group, string][] = [
  ['meter', '1m'],
  ['meter', '1h'],
  ['state', '15m'],
  ['all', '1m'],
  ['all', '1h'],
];

test(`every measure is what it means, of readings that came late, twice and around kills (seed ${seed})`, async () => {
  const random = seeded(seed);
  const site = join(import.meta.dirname, 'measures.yaml');
  const data = await temporaryDir();
  const oracle = new Oracle();
  const from = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 7_200_000;
  const readings = new Meters(25, from, random, 'p').take(4_000);
  const order = shuffled(readings.slice(1_500), random);
  const sent = [...readings.slice(0, 1_500), ...order, ...readings.slice(1_000, 1_300)];
  for (const part of [sent.slice(0, 2_000), sent.slice(2_000)]) {
    const weir = await appliance({ data, site, more: ['--checkpoint', '300'] });
    const publisher = await Publisher.open(weir.mqttPort, oracle);
    for (let at = 0; at < part.length; at += 50) await publisher.pack(part.slice(at, at + 50));
    await publisher.settle();
    await publisher.close();
    await weir.kill();
  }
  expect(oracle.ackedReadings).toBe(readings.length);
  const weir = await appliance({ data, site });
  for (const [group, step] of ASKED) {
    const answer = await weir.json<RollupAnswer>(rollupPath(oracle, group, step));
    expect({ group, step, wrong: checkMeasures(answer, readings, group) }).toEqual({
      group,
      step,
      wrong: [],
    });
  }
}, 300_000);
