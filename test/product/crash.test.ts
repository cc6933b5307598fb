import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { killProduct } from '../chaos/kill.ts';
import { until } from './appliance.ts';
import { appliance } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
/** Long enough for keepalives, timers and sockets to notice; the long form is half a minute. */
const FROZEN_MS = 5_000;

test(`row 8: kill -9 under load loses nothing acknowledged and counts nothing twice (seed ${seed})`, async () => {
  const lines: string[] = [];
  const result = await killProduct({ times: 8 }, seeded(seed), (line) => lines.push(line));
  expect(result, lines.join('\n')).toMatchObject({ cuts: 8, lost: 0, countedTwice: 0, wrong: [] });
  expect(result.readyMsMax).toBeLessThan(10_000);
}, 120_000);

test('row 9: what is frozen for a while catches up, and its clients stay', async () => {
  const weir = await appliance();
  const oracle = new Oracle();
  const meters = new Meters(20, Date.now() - 3_600_000, seeded(seed), 'p');
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 32 });
  let done = false;
  const load = (async () => {
    while (!done && (await publisher.pack(meters.take(20)))) await publisher.change();
  })();
  await until('acknowledgements', () => publisher.ackMs.length > 20);
  process.kill(weir.pid, 'SIGSTOP');
  await pause(FROZEN_MS);
  process.kill(weir.pid, 'SIGCONT');
  const before = publisher.ackMs.length;
  await until('acknowledgements after the freeze', () => publisher.ackMs.length > before + 50);
  done = true;
  await load;
  await publisher.settle();
  await publisher.close();
  expect(await verify(weir, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
}, 60_000);
