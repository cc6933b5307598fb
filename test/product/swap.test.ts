import type { RollupAnswer, SwapsAnswer, VerifyAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { type Appliance, weir as command } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';

const MINUTE_MS = 60_000;

async function done<T>(...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await command(...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** Increase of the meter over the last hour, and the resets that its buckets tell of. */
async function counted(weir: Appliance): Promise<{ kwh: number; resets: number; duplicates: number }> {
  const answer = await weir.json<RollupAnswer>(
    '/api/v1/rollups/usage?from=-1h&by=meter&where.meter=changed&measures=kwh&quality=true',
  );
  const [{ values, quality }] = answer.series;
  const sum = (all: (number | null)[]) => all.reduce<number>((total, one) => total + (one ?? 0), 0);
  return { kwh: sum(values.kwh), resets: sum(quality!.resets), duplicates: sum(quality!.duplicates) };
}

test('a meter is changed: its total goes on exactly, also after a crash, until the change is taken back', async () => {
  const data = await temporaryDir();
  let weir = await appliance({ data });
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  const begin = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 20 * MINUTE_MS;
  const shown = [500_000, 500_010, 40, 55];
  const readings = shown.map((kwh, at) => ({
    ts: begin + at * 2 * MINUTE_MS,
    meter: 'changed',
    kwh,
    used: 1,
    state: 'NY',
  }));
  for (const reading of [...readings, readings[1]]) await publisher.single(reading);
  await publisher.settle();
  // A register that steps back began again: 0.010 + 0.040 + 0.015.
  expect(await counted(weir)).toEqual({ kwh: expect.closeTo(0.065, 9), resets: 1, duplicates: 1 });

  const at = String(begin + 3 * MINUTE_MS);
  const swap = ['--stream', 'electricity', '--at', at, '--last', '500.013', '--first', '0.03'];
  const { id } = await done<{ id: string }>('swap', 'add', 'changed', ...swap, '--url', weir.http);
  const typo = await command('swap', 'add', 'chnaged', ...swap, '--url', weir.http);
  expect(typo).toMatchObject({ status: 0, stdout: expect.stringMatching(/No reading of chnaged ever came/) });
  // 0.010 before, 0.003 and 0.010 around the swap, 0.015 after.
  expect(await counted(weir)).toEqual({ kwh: expect.closeTo(0.038, 9), resets: 0, duplicates: 1 });
  await publisher.close();
  await weir.kill();

  weir = await appliance({ data });
  expect((await counted(weir)).kwh).toBeCloseTo(0.038, 9);
  const { swaps } = await done<SwapsAnswer>('swap', 'list', 'changed', '--url', weir.http);
  expect(swaps).toMatchObject([{ id, meter: 'changed', field: 'kwh', last: '500.013', undone: null }]);
  await done('swap', 'undo', id, '--url', weir.http);
  expect(await counted(weir)).toEqual({ kwh: expect.closeTo(0.065, 9), resets: 1, duplicates: 1 });
  const again = await command('swap', 'undo', id, '--url', weir.http);
  expect({ status: again.status, stderr: again.stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('There is no swap'),
  });
  expect(await weir.stop()).toBe(0);
  const verified = await done<VerifyAnswer & { replay: { equal: boolean } }>(
    'verify',
    '--data',
    data,
    '--replay',
  );
  expect(verified.replay.equal).toBe(true);
}, 120_000);
