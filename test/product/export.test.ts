import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { weir as command } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);

test(`what is exported can be imported, here without an effect, elsewhere as if it were sent (seed ${seed})`, async () => {
  const dir = await temporaryDir();
  const oracle = new Oracle();
  const meters = new Meters(20, Date.now() - 1_800_000, seeded(seed), 'p');
  const weir = await appliance();
  const publisher = await Publisher.open(weir.mqttPort, oracle);
  for (let at = 0; at < 30; at++) await publisher.pack(meters.take(50));
  await publisher.settle();
  await publisher.close();
  const file = join(dir, 'readings.parquet');
  const asked = ['--stream', 'electricity', '--from', '-1h', '--to', '+1h'];
  const out = await command('export', ...asked, '--out', file, '--url', weir.http, '--json');
  expect(out, out.stderr).toMatchObject({ status: 0 });
  expect(JSON.parse(out.stdout)).toEqual({ file, format: 'parquet', rows: oracle.ackedReadings });
  const csv = await command('export', ...asked, '--url', weir.http);
  expect(csv.stdout.split('\n')).toHaveLength(oracle.ackedReadings + 2);
  expect(csv.stdout).toMatch(/^time,meter,kwh,used,state,concentrator\n\d+,p\d+,/);

  const to = (other: typeof weir) => ['--url', other.http, '--mqtt', `127.0.0.1:${other.mqttPort}`];
  const again = await command('import', file, '--stream', 'electricity', ...to(weir));
  expect(again, again.stderr).toMatchObject({ status: 0 });
  expect(await verify(weir, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
  expect(await weir.json<LedgerAnswer>('/api/v1/ledger')).toMatchObject({ duplicate: oracle.ackedReadings });

  const other = await appliance();
  expect(await command('import', file, '--stream', 'electricity', ...to(other))).toMatchObject({ status: 0 });
  expect(await verify(other, oracle)).toEqual({ lost: 0, twice: 0, wrong: [] });
  const usage = join(dir, 'usage.ndjson');
  const rollup = ['--rollup', 'usage', '--by', 'state', '--step', '1m', '--from', '-1h', '--to', '+1h'];
  expect(await command('export', ...rollup, '--out', usage, '--url', other.http)).toMatchObject({
    status: 0,
  });
  const rows = (await readFile(usage, 'utf8')).trim().split('\n');
  const counted = rows.reduce((sum, line) => sum + (JSON.parse(line) as { readings: number }).readings, 0);
  expect(counted).toBe(oracle.ackedReadings);
}, 600_000);
