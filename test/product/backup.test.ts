import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VerifyAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { type Appliance, weir as command } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);

interface BackedUp {
  log: { first: number; last: number };
  copied: { objects: number };
  shared: { objects: number };
}

async function json<T>(...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await command(...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** Readings that arrive for as long as the work takes, and at least a hundred packs of them. */
async function underLoad<T>(weir: Appliance, oracle: Oracle, work: () => Promise<T>): Promise<T> {
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 20 });
  const meters = new Meters(60, Date.now() - 7_200_000, seeded(seed), 'p');
  let isDone = false;
  const loading = (async () => {
    for (let packs = 0; packs < 100 || !isDone; packs++) {
      await publisher.pack(meters.take(50));
      if (packs % 10 === 0) await publisher.settle();
    }
    await publisher.settle();
  })();
  try {
    return await work();
  } finally {
    isDone = true;
    await loading;
    await publisher.close();
  }
}

test(`a backup under load, and another, restore to an appliance that serves every acknowledged reading (seed ${seed})`, async () => {
  const data = await temporaryDir();
  const place = join(await temporaryDir(), 'usb');
  const oracle = new Oracle();
  const weir = await appliance({ data, more: ['--checkpoint', '1000'] });
  expect((await command('device', 'add', 'm-7', '--data', data)).status).toBe(0);
  const first = await underLoad(weir, oracle, () => json<BackedUp>('backup', place, '--data', data));
  const second = await json<BackedUp>('backup', place, '--data', data);
  expect(second.log.last).toBeGreaterThanOrEqual(first.log.last);
  expect(second.shared.objects).toBeGreaterThan(0);
  const restored = join(await temporaryDir(), 'new');
  const { log } = await json<BackedUp>('restore', place, '--data', restored);
  expect(log).toEqual(second.log);
  expect(await readFile(join(restored, 'devices.json'), 'utf8')).toContain('m-7');
  const { replay, position } = await json<VerifyAnswer & { replay: object }>(
    'verify',
    '--data',
    restored,
    '--replay',
  );
  expect({ replay, position }).toMatchObject({ replay: { equal: true }, position: second.log.last });
  const again = await appliance({ data: restored });
  await again.ready();
  expect(await verify(again, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
}, 300_000);
