import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartsAnswer, RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { type Appliance, weir as command, until } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Even hours of the clock are dear; the price doubled at the last local midnight but one. */
function siteFile(options: { dear?: string; even?: number } = {}): string {
  const even = Array.from({ length: 12 }, (_, at) => {
    const hour = (2 * at + (options.even ?? 0)) % 24;
    const text = (one: number) => `${String(one).padStart(2, '0')}:00`;
    return `${text(hour)}-${text(hour + 1)}`;
  });
  return `weir: 1
site:
  name: Costs
  timezone: Asia/Kolkata
  tariffs:
    home:
      currency: INR
      periods: { dear: { times: [${even.join(', ')}] }, cheap: rest }
      prices: { 2020-01-01: { dear: ${options.dear ?? '8.5'}, cheap: 4.25 } }
streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    id: [meter, ts]
    fields: { kwh: { type: counter, unit: kWh, decimals: 3, tariff: home }, used: number, state: text }
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), money: cost(kwh), readings: count() }
    tiers: { 1m: 7d, 15m: 30d, 1h: 4mo, 1d: 10y }
    parts: { main: [flat1, flat2] }
`;
}

const reading = (meter: string, ts: number, kwh: number) => ({ meter, ts, kwh, used: 1, state: 'NY' });
const columns = async (weir: Appliance, more: string) =>
  (await weir.json<RollupAnswer>(`/api/v1/rollups/usage?${more}`)).series;

async function start(data: string, text: string): Promise<Appliance> {
  const site = join(data, 'site.yaml');
  await writeFile(site, text);
  return appliance({ data: join(data, 'data'), site });
}

/** The hour of the clock in Kolkata begins half an hour after that of UTC. */
const localHour = (t: number) => Math.floor((t + HOUR_MS / 2) / HOUR_MS) * HOUR_MS - HOUR_MS / 2;

test('costs are told by period, survive a crash, and follow a price that is corrected; periods of the past stay', async () => {
  const dir = await temporaryDir();
  let weir = await start(dir, siteFile());
  const begin = localHour(Date.now() - 4 * HOUR_MS);
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  // 1 Wh a second for two hours, in steps of ten minutes; every other hour is dear.
  for (let at = 0; at <= 12; at++)
    await publisher.single(reading('m1', begin + at * 10 * MINUTE_MS, 1000 + at * 600));
  await publisher.settle();
  const whole = `from=${begin}&to=${begin + 2 * HOUR_MS}&step=1h&measures=money,kwh&periods=true`;
  for (const by of ['', '&by=meter', '&by=state']) {
    const [{ values, periods }] = await columns(weir, whole + by);
    expect(values.kwh).toEqual([3.6, 3.6]);
    expect([...values.money].sort()).toEqual([3.6 * 4.25, 3.6 * 8.5]);
    expect(periods!.money.dear.amount.toSorted()).toEqual([0, 3.6]);
    expect(periods!.money.cheap.cost.toSorted()).toEqual([0, 3.6 * 4.25]);
  }
  const top = await weir.json<{ rows: { value: number }[]; unit: string }>(
    `/api/v1/rollups/usage/top?measure=money&by=meter&from=${begin}&to=${begin + 2 * HOUR_MS}`,
  );
  expect(top).toMatchObject({ unit: 'INR', rows: [{ value: expect.closeTo(3.6 * 12.75, 9) }] });
  await publisher.close();
  await weir.kill();

  weir = await start(dir, siteFile({ dear: '10.00125' }));
  const [{ values }] = await columns(weir, whole);
  expect([...values.money].sort()).toEqual([3.6 * 4.25, 36.0045]);
  const asked = ['query', 'usage', '--from', String(begin), '--to', String(begin + 2 * HOUR_MS)];
  const told = await command(
    ...asked,
    '--step',
    '1h',
    '--periods',
    '--measures',
    'money',
    '--url',
    weir.http,
  );
  expect(told.stdout).toMatch(/^time +money \(INR\) +money: dear +money: cheap +state\n/);
  expect(told.stdout).toMatch(/Z +36\.0045 +36\.0045 +0 +final/);
  expect(await weir.stop()).toBe(0);

  const refused = join(dir, 'site.yaml');
  await writeFile(refused, siteFile({ even: 1 }));
  const outcome = await command(
    'up',
    refused,
    '--open',
    '--data',
    join(dir, 'data'),
    '--mqtt',
    '127.0.0.1:0',
  );
  expect(outcome.status).toBe(3);
  expect(outcome.stderr).toMatch(/was in the period (dear|cheap) of the tariff home, and is now in/);
  expect(await readFile(join(dir, 'data', 'shape.json'), 'utf8')).toContain('"dear"');
}, 600_000);

test('a meter is held against those behind it, and a silent one makes the difference partial', async () => {
  const weir = await start(await temporaryDir(), siteFile());
  const begin = localHour(Date.now() - 5 * HOUR_MS);
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  const each = { main: 1_001, flat1: 400, flat2: 599 };
  for (const [meter, used] of Object.entries(each))
    for (let at = 0; at <= 24; at++)
      if (meter !== 'flat2' || at <= 12)
        await publisher.single(reading(meter, begin + at * 10 * MINUTE_MS, at * used));
  await publisher.settle();
  await publisher.close();
  const span = `from=${begin}&to=${begin + 4 * HOUR_MS}&step=1h`;
  const answer = await weir.json<PartsAnswer>(`/api/v1/rollups/usage/parts?${span}&measures=kwh,money`);
  const [{ time, whole, sum, difference, missing, partial }] = answer.parents;
  expect(time).toHaveLength(whole.kwh.length);
  const total = (column: (number | null)[]) => column.reduce<number>((all, one) => all + (one ?? 0), 0);
  expect(total(whole.kwh)).toBeCloseTo(24.024, 9);
  // Two watt-hours in every ten minutes are lost, as long as both flats report.
  const complete = partial.map((one, at) => (one ? -1 : at)).filter((at) => at >= 0);
  expect(complete.length).toBeGreaterThan(0);
  for (const at of complete)
    expect(difference.kwh[at]).toBe(
      (Math.round(whole.kwh[at]! * 1000) - Math.round(sum.kwh[at]! * 1000)) / 1000,
    );
  expect(partial).toEqual([false, false, false, true]);
  expect(missing[missing.length - 1]).toEqual(['flat2']);
  const first = await weir.json<PartsAnswer>(
    `/api/v1/rollups/usage/parts?parent=main&from=${begin}&to=${begin + 2 * HOUR_MS}&step=1h`,
  );
  expect(first.parents[0]).toMatchObject({
    difference: { kwh: [0.012, 0.012], readings: [-6, expect.any(Number)] },
    partial: [false, false],
    coverage: [0, 0],
    estimated: { kwh: [1, 1] },
  });
  const told = await command(
    'query',
    'usage',
    '--parts',
    '--from',
    String(begin),
    '--step',
    '1h',
    '--url',
    weir.http,
  );
  expect(told.stdout).toContain('partial: without flat2');
  const wrong = await fetch(new URL('/api/v1/rollups/usage/parts?parent=mian', weir.http));
  expect({ status: wrong.status, body: await wrong.text() }).toMatchObject({
    status: 404,
    body: expect.stringContaining('main'),
  });
  expect(await weir.stop()).toBe(0);
}, 600_000);

test('a cost that is added to a running rollup is right for what was there, what comes meanwhile and what comes late', async () => {
  const dir = await temporaryDir();
  const whole = siteFile();
  const plain = whole
    .replace(/ {2}tariffs:\n(?: {4}.*\n)+/, '')
    .replace(', tariff: home', '')
    .replace('money: cost(kwh), ', '');
  expect(plain).not.toMatch(/tariff|cost/);
  let weir = await start(dir, plain);
  const begin = localHour(Date.now() - 5 * HOUR_MS);
  const send = async (from: number, to: number, but: number[] = []) => {
    const publisher = await Publisher.open(weir.mqttPort, new Oracle());
    for (let at = from; at <= to; at++)
      if (!but.includes(at))
        await publisher.single(reading('m1', begin + at * 10 * MINUTE_MS, 1000 + at * 600));
    await publisher.settle();
    await publisher.close();
  };
  // Two hours of 1 Wh a second; four of its readings are late.
  await send(0, 12, [3, 4, 8, 9]);
  const edited = join(dir, 'edited.yaml');
  await writeFile(edited, whole);
  const applied = await command('site', 'apply', edited, '--url', weir.http);
  expect(applied.stdout, applied.stderr).toMatch(/Applied\./);
  await until('the edit to be in force', async () => (await weir.status('/readyz')) === 200, 120_000);
  const costs = async (hours: number) => {
    const span = `from=${begin}&to=${begin + hours * HOUR_MS}&step=1h&measures=money,kwh`;
    for (const by of ['', '&by=meter', '&by=state']) {
      const [{ values }] = await columns(weir, span + by);
      expect(values.kwh).toEqual(Array.from({ length: hours }, () => 3.6));
      const dear = values.money.filter((one) => one === 3.6 * 8.5);
      expect(values.money.toSorted()).toEqual([
        ...Array.from({ length: hours - hours / 2 }, () => 3.6 * 4.25),
        ...Array.from({ length: hours / 2 }, () => 3.6 * 8.5),
      ]);
      expect(dear).toHaveLength(hours / 2);
    }
  };
  await costs(2);
  // New ones, then those that split intervals from before the edit; and all of it again after a crash.
  await send(13, 24);
  await send(3, 9, [5, 6, 7]);
  await costs(4);
  await weir.kill();
  weir = await appliance({ data: join(dir, 'data'), site: join(dir, 'site.yaml') });
  await costs(4);
  const again = await command('replay', 'usage', '--url', weir.http);
  expect(again.stdout).toContain('Nothing differs.');
}, 600_000);
