import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Appliance, SITE, weir } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';

/** No port of this machine answers here: a port below 1024 that nothing uses. */
const NOBODY = 'http://127.0.0.1:9';

let running: Appliance;
let dir: string;
const oracle = new Oracle();
beforeAll(async () => {
  dir = await temporaryDir();
  running = await appliance();
  const publisher = await Publisher.open(running.mqttPort, oracle);
  const meters = new Meters(10, Date.now() - 1_800_000, seeded(1), 'p');
  for (let at = 0; at < 20; at++) await publisher.pack(meters.take(50));
  await publisher.settle();
  await publisher.close();
});

async function json(...args: string[]) {
  const outcome = await weir(...args, '--json', '--url', running.http);
  expect(outcome.status, outcome.stderr).toBe(0);
  return JSON.parse(outcome.stdout);
}

describe('weir check', () => {
  test('is content with a right file', async () => {
    const { status, stdout } = await weir('check', SITE);
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('is fine') });
  });

  test('exits 3 and tells every fault with its line', async () => {
    const file = join(dir, 'wrong.yaml');
    await writeFile(
      file,
      'weir: 1\nsite: { name: X, timezone: Mars }\nstreams:\n  s:\n    from: a/{m}\n    kee: m\n',
    );
    const { status, stdout, stderr } = await weir('check', file);
    expect(status).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/wrong\.yaml:2:\d+/);
    expect(stderr).toMatch(/wrong\.yaml:6:\d+.*kee/);
    const machine = await weir('check', file, '--json');
    expect(machine.status).toBe(3);
    expect(JSON.parse(machine.stdout).faults.length).toBeGreaterThanOrEqual(2);
  });

  test('exits 2 for a file that is not there, as does a command that is not there', async () => {
    expect((await weir('check', join(dir, 'none.yaml'))).status).toBe(2);
    expect((await weir('chekc')).status).toBe(2);
    expect((await weir('query', '--nonsense')).status).toBe(2);
    expect((await weir('--help')).status).toBe(0);
  });
});

describe('weir query', () => {
  test('prints buckets as a table and as JSON', async () => {
    const answer = await json('query', 'usage', '--from', '-1h', '--step', '1h', '--measures', 'readings');
    const counts = answer.series[0].values.readings as number[];
    expect(counts.reduce((all, n) => all + n, 0)).toBe(oracle.ackedReadings);
    const { status, stdout } = await weir('query', 'usage', '--by', 'state', '--url', running.http);
    expect(status).toBe(0);
    expect(stdout).toMatch(/time.*state.*kwh \(kWh\)/);
    expect(stdout).toMatch(/NY/);
  });

  test('filters, and ranks the largest', async () => {
    const answer = await json('query', 'usage', '--by', 'meter', '--where', 'meter=p1,p2');
    expect(answer.series.map((one: { by: { meter: string } }) => one.by.meter).sort()).toEqual(['p1', 'p2']);
    const top = await json('query', 'usage', '--top', 'used', '--by', 'meter', '--limit', '3');
    const values = top.rows.map((row: { value: number }) => row.value);
    expect(values).toHaveLength(3);
    expect(values).toEqual([...values].sort((a, b) => b - a));
  });

  test('exit statuses: 1 not found, 2 a bad question, 4 unreachable', async () => {
    const missing = await weir('query', 'usgae', '--url', running.http);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/usage/);
    expect((await weir('query', 'usage', '--from', 'yesterdya', '--url', running.http)).status).toBe(2);
    expect((await weir('query', 'usage', '--url', NOBODY)).status).toBe(4);
  });
});

test('weir tail prints changes, one JSON object a line, and stops after so many', async () => {
  const tail = weir('tail', 'usage', '--by', 'state', '--count', '2', '--url', running.http);
  const publisher = await Publisher.open(running.mqttPort, oracle);
  const meters = new Meters(5, Date.now() - 600_000, seeded(2), 'p');
  let ended = false;
  void tail.then(() => {
    ended = true;
  });
  while (!ended) {
    await publisher.pack(meters.take(5));
    await publisher.settle();
    await Promise.race([tail, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  await publisher.close();
  const { status, stdout } = await tail;
  expect(status).toBe(0);
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ rollup: 'usage', tier: '1m' });
});

test('weir ledger reconciles and says so with its exit status', async () => {
  const ledger = await json('ledger', '--stream', 'electricity');
  expect(ledger).toMatchObject({ imbalance: 0, counted: oracle.ackedReadings });
  const { status, stdout } = await weir('ledger', '--url', running.http);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^received +\d+$/m);
  expect((await weir('ledger', '--url', NOBODY)).status).toBe(4);
});

test('weir status and weir doctor', async () => {
  const status = await json('status');
  expect(status).toMatchObject({ ready: true, log: { state: 'ok' }, lagRecords: 0 });
  expect(status.shards).toHaveLength(24);
  expect((await weir('status', '--url', NOBODY)).status).toBe(4);
  const doctor = await weir('doctor', '--json', '--url', running.http, '--data', dir);
  const { findings } = JSON.parse(doctor.stdout);
  expect(findings.find((one: { name: string }) => one.name === 'ledger')).toMatchObject({ state: 'fine' });
  const isBad = findings.some((one: { state: string }) => one.state === 'bad');
  expect(doctor.status).toBe(isBad ? 6 : 0);
});

test('weir device adds, lists and revokes', async () => {
  const added = await weir('device', 'add', 'meter-7', '--data', dir, '--json');
  expect(added.status).toBe(0);
  expect(JSON.parse(added.stdout)).toMatchObject({ id: 'meter-7', password: expect.stringMatching(/.{20}/) });
  const list = await weir('device', 'list', '--data', dir, '--json');
  expect(JSON.parse(list.stdout).devices).toMatchObject([{ id: 'meter-7', publish: ['meters/meter-7/#'] }]);
  expect((await weir('device', 'revoke', 'meter-7', '--data', dir)).status).toBe(0);
  expect((await weir('device', 'revoke', 'meter-7', '--data', dir)).status).toBe(1);
  expect((await weir('device', 'add', 'a b', '--data', dir)).status).toBe(2);
});

test('weir up refuses what it must: a wrong site file, another address without log-in, a directory in use', async () => {
  const wrong = join(dir, 'broken.yaml');
  await writeFile(wrong, 'weir: 2\n');
  expect((await weir('up', wrong, '--data', join(dir, 'a'))).status).toBe(3);
  const beyond = await weir('up', SITE, '--open', '--data', join(dir, 'a'), '--http', '0.0.0.0:0');
  expect(beyond.status).toBe(2);
  const data = await temporaryDir();
  await appliance({ data });
  const places = ['--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0', '--open'];
  const second = await weir('up', SITE, '--data', data, ...places);
  expect(second.status).toBe(1);
  expect(second.stderr).toMatch(/WEIR_DATA_IN_USE/);
}, 40_000);
