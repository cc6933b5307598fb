import { cp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { LedgerAnswer } from '@weir/node/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Appliance } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const random = seeded(seed);
/** Before the columns of a record in the log. */
const RECORD_HEADER_BYTES = 44;
const RIGHT = { lost: 0, twice: 0, wrong: [] };
const oracle = new Oracle();
/** A directory whose stores have table files, as an appliance left it that was asked to end. */
let whole: string;

beforeAll(async () => {
  whole = await temporaryDir();
  const meters = new Meters(60, Date.now() - 3_600_000, random, 'p');
  for (let start = 0; start < 2; start++) {
    const weir = await appliance({ data: whole });
    const publisher = await Publisher.open(weir.mqttPort, oracle);
    for (let at = 0; at < 40; at++) await publisher.pack(meters.take(100));
    await publisher.settle();
    await publisher.close();
    expect(await weir.stop()).toBe(0);
  }
  // LevelDB moves what is in its own log into table files when it is opened again.
  expect(await (await appliance({ data: whole })).stop()).toBe(0);
}, 60_000);

async function copy(): Promise<string> {
  const data = await temporaryDir();
  await cp(whole, data, { recursive: true });
  return data;
}

async function tablesOf(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => /\.(ldb|sst)$/.test(name));
  expect(names.length).toBeGreaterThan(0);
  return names.map((name) => join(dir, name));
}

async function largestTable(data: string, store: number): Promise<string> {
  const tables = await tablesOf(join(data, 'store', String(store)));
  const sizes = await Promise.all(tables.map(async (path) => (await stat(path)).size));
  return tables[sizes.indexOf(Math.max(...sizes))];
}

async function flipBit(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] ^= 1 << Math.floor(random() * 8);
  await file.write(byte, 0, 1, at);
  await file.close();
}

/** While a shard is rebuilt a question may be refused; what is answered must be right, and in the end all is. */
async function rightInTheEnd(weir: Appliance): Promise<void> {
  const givenUpMs = performance.now() + 20_000;
  let refusal: unknown = null;
  while (performance.now() < givenUpMs) {
    try {
      expect(await verify(weir, oracle)).toEqual(RIGHT);
      return;
    } catch (fault) {
      if (!/ answers (500|503)|fetch failed/.test(String(fault))) throw fault;
      refusal = fault;
    }
    await weir.ready().catch(() => false);
  }
  throw refusal;
}

describe(`a store (seed ${seed})`, () => {
  test('row 18: one of whose table files is deleted is rebuilt from the log', async () => {
    const data = await copy();
    await rm(await largestTable(data, 1));
    await rightInTheEnd(await appliance({ data }));
  });

  test('row 18: one of whose table files is cut in half is rebuilt from the log', async () => {
    const data = await copy();
    const path = await largestTable(data, 2);
    await truncate(path, Math.floor((await stat(path)).size / 2));
    await rightInTheEnd(await appliance({ data }));
  });

  test('row 19: that has lost its CURRENT file is rebuilt from the log, and its files are kept aside', async () => {
    const data = await copy();
    await rm(join(data, 'store', '0', 'CURRENT'));
    await rightInTheEnd(await appliance({ data }));
    const aside = (await readdir(join(data, 'store'))).filter((name) => name.startsWith('0.damaged-'));
    expect(aside).toHaveLength(1);
    await tablesOf(join(data, 'store', aside[0]));
  });

  test('rows 18 and 19: that is gone altogether is rebuilt from the log', async () => {
    const data = await copy();
    await rm(join(data, 'store'), { recursive: true });
    await rightInTheEnd(await appliance({ data }));
  });

  test('row 17: with one flipped bit in each of its stores never answers wrong', async () => {
    const data = await copy();
    for (const store of [0, 1, 2, 3]) {
      const path = await largestTable(data, store);
      await flipBit(path, Math.floor(random() * (await stat(path)).size));
    }
    await rightInTheEnd(await appliance({ data }));
  });
});

test('row 19: a log that has lost its CURRENT file is not wiped', async () => {
  const data = await copy();
  const [segment] = (await readdir(join(data, 'log'))).filter((name) => /^\d{16}$/.test(name));
  await rm(join(data, 'log', segment, 'CURRENT'));
  const weir = await appliance({ data });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  const events = await weir.json<{ events: object[] }>(
    '/api/v1/streams/electricity/events?from=-2h&limit=10000',
  );
  expect(events.events.length).toBe(oracle.ackedReadings);
});

test('row 16: one flipped bit in the log is named, and the rest is served', async () => {
  const data = await temporaryDir();
  const own = new Oracle();
  const meters = new Meters(20, Date.now() - 3_600_000, random, 'p');
  let weir = await appliance({ data });
  const publisher = await Publisher.open(weir.mqttPort, own, { window: 1 });
  for (let at = 0; at < 100; at++) await publisher.pack(meters.take(50));
  await publisher.settle();
  await weir.kill();
  const segment = join(
    data,
    'log',
    (await readdir(join(data, 'log'))).filter((name) => /^\d{16}$/.test(name))[0],
  );
  const [journal] = (await readdir(segment)).filter((name) => name.endsWith('.log'));
  const path = join(segment, journal);
  // Of a record with readings: what else stands in a journal may be lost without one.
  const bytes = await readFile(path);
  const record = bytes.indexOf('WLR', Math.floor(bytes.length * (0.3 + 0.4 * random())));
  await flipBit(path, record + RECORD_HEADER_BYTES + Math.floor(100 * random()));
  weir = await appliance({ data });
  const { lost, twice } = await verify(weir, own);
  expect(twice).toBe(0);
  // A group of some readings is damaged; what came before and after it is not.
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(1_000);
  expect(weir.talk).toMatch(/damaged|checksum|lost/);
  const ledger = await weir.json<LedgerAnswer>('/api/v1/ledger?stream=electricity');
  expect(ledger.counted).toBe(own.ackedReadings - lost);
  expect(ledger.received).toBe(ledger.counted + ledger.duplicate);
});
