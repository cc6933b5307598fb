import type { EventsAnswer, LedgerAnswer, QuarantineAnswer, RollupAnswer } from '@weir/node/contract';
import { connectAsync, type MqttClient } from 'mqtt';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Appliance } from './appliance.ts';
import { appliance, finallyDo } from './harness.ts';

let weir: Appliance;
let client: MqttClient;
beforeAll(async () => {
  weir = await appliance();
  client = await connectAsync(`mqtt://127.0.0.1:${weir.mqttPort}`, { protocolVersion: 4 });
  finallyDo(() => client.endAsync(true));
});

const BASE = Date.now() - 60_000;
let tick = 0;
const ts = () => BASE + tick++;

/** Resolves with the PUBACK. */
async function publish(meter: string, payload: string | Buffer): Promise<void> {
  await client.publishAsync(`meters/${meter}/electricity`, payload, { qos: 1 });
}

async function ledger(): Promise<LedgerAnswer> {
  const answer = await weir.json<LedgerAnswer>('/api/v1/ledger?stream=electricity');
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, n) => all + n, 0);
  const rest = sum(answer.quarantined) + sum(answer.rejected);
  expect(answer.received).toBe(answer.counted + answer.duplicate + rest);
  return answer;
}

async function countOf(meter: string): Promise<number> {
  const to = Date.now() + 60_000;
  const path = `/api/v1/rollups/usage?from=-1d&to=${to}&step=1d&by=meter&where.meter=${encodeURIComponent(meter)}`;
  const { series } = await weir.json<RollupAnswer>(path);
  return series[0]?.values.readings.reduce<number>((sum, n) => sum + (n ?? 0), 0) ?? 0;
}

interface Case {
  what: string;
  payload: string | Buffer;
  reason: string;
}

const reading = (more: string) => `{"ts":${ts()},${more}}`;

const CASES: Case[] = [
  { what: 'row 24: dated 2100', payload: '{"ts":"2100-01-01T00:00:00Z","used":1}', reason: 'clock' },
  { what: 'row 24: ten minutes ahead', payload: `{"ts":${Date.now() + 600_000},"used":1}`, reason: 'clock' },
  { what: 'row 26: NaN', payload: reading('"used":NaN'), reason: 'malformed' },
  { what: 'row 26: "NaN"', payload: reading('"used":"NaN"'), reason: 'impossible' },
  { what: 'row 26: Infinity', payload: reading('"used":Infinity'), reason: 'malformed' },
  { what: 'row 26: "-Infinity"', payload: reading('"used":"-Infinity"'), reason: 'impossible' },
  { what: 'row 26: 1e309', payload: reading('"used":1e309'), reason: 'impossible' },
  { what: 'row 27: 2^53 + 1', payload: reading('"used":9007199254740993'), reason: 'impossible' },
  { what: 'row 28: 30 February', payload: '{"ts":"2026-02-30T00:00:00Z","used":1}', reason: 'impossible' },
  { what: 'row 28: 25 o’clock', payload: '{"ts":"2026-02-20T25:00:00Z","used":1}', reason: 'impossible' },
  { what: 'row 28: negative time', payload: '{"ts":-5,"used":1}', reason: 'impossible' },
  { what: 'row 33: nothing', payload: '', reason: 'malformed' },
  { what: 'row 33: truncated', payload: '{"ts":17', reason: 'malformed' },
  { what: 'row 33: not JSON', payload: 'kWh=12', reason: 'malformed' },
  { what: 'row 33: not UTF-8', payload: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), reason: 'malformed' },
  { what: 'row 34: 100,000 levels', payload: '['.repeat(100_000), reason: 'malformed' },
  {
    what: 'row 34: 5,000 levels, whole',
    payload: `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    reason: 'malformed',
  },
];

describe('is acknowledged, set aside with its reason and payload, and stands in the ledger', () => {
  test.each(CASES)('$what', async ({ payload, reason }) => {
    const before = await ledger();
    await publish('bad', payload);
    const after = await ledger();
    expect(after.received - before.received).toBe(1);
    expect((after.quarantined[reason] ?? 0) - (before.quarantined[reason] ?? 0)).toBe(1);
    const { messages } = await weir.json<QuarantineAnswer>('/api/v1/quarantine?stream=electricity&limit=1');
    expect(messages[0]).toMatchObject({ topic: 'meters/bad/electricity', stream: 'electricity', reason });
    expect(messages[0].payloadBytes).toBe(Buffer.byteLength(payload));
    const shown = Buffer.from(messages[0].payload, messages[0].encoding);
    expect(shown).toEqual(Buffer.from(payload).subarray(0, 1024));
    expect(await countOf('bad')).toBe(0);
  });
});

test('row 24: a reading from the future moves no watermark', async () => {
  await publish('bad', '{"ts":4102444800000,"used":1}');
  await publish('good', reading('"used":1'));
  const { watermark } = await weir.json<RollupAnswer>('/api/v1/rollups/usage?from=-1h');
  expect(watermark).toBeLessThanOrEqual(Date.now() + 300_000);
  expect(await countOf('good')).toBe(1);
});

test('row 26: -0 is 0', async () => {
  await publish('zero', reading('"used":-0,"kwh":-0.0'));
  const { events } = await weir.json<EventsAnswer>('/api/v1/streams/electricity/events?where.meter=zero');
  expect(events[0]).toMatchObject({ used: 0, kwh: 0 });
  expect(Object.is(events[0].used, 0)).toBe(true);
});

test('row 27: a large number that fits is exact', async () => {
  for (let at = 0; at < 3; at++) await publish('large', reading('"used":1234567890123.457'));
  const path = '/api/v1/rollups/usage?from=-1h&by=meter&where.meter=large&step=1h&measures=used';
  const { series } = await weir.json<RollupAnswer>(`${path}&to=${Date.now() + 60_000}`);
  const sum = series[0].values.used.reduce<number>((all, n) => all + (n ?? 0), 0);
  expect(sum).toBe(3703703670370.371);
});

test('a pack with one impossible reading counts the others', async () => {
  const pack = [`{"meter":"pk","ts":${ts()},"used":1}`, `{"meter":"pk","ts":${ts()},"used":1e400}`, '7'];
  const before = await ledger();
  await client.publishAsync('packs/c1/electricity', `[${pack.join()}]`, { qos: 1 });
  const after = await ledger();
  expect(after.received - before.received).toBe(3);
  expect(after.counted - before.counted).toBe(1);
  expect(await countOf('pk')).toBe(1);
});

test('row 34: 500,000 levels are refused at the door, and nobody else notices', async () => {
  const other = await connectAsync(`mqtt://127.0.0.1:${weir.mqttPort}`, { reconnectPeriod: 0 });
  const closed = new Promise<void>((resolve) => other.once('close', () => resolve()));
  other.on('error', () => other.end(true));
  other.publish('meters/deep/electricity', '['.repeat(500_000), { qos: 1 });
  await closed;
  await publish('after-deep', reading('"used":1'));
  expect(await countOf('after-deep')).toBe(1);
});

test('row 35: __proto__ and constructor are names like any other', async () => {
  const evil = '"__proto__":{"used":666,"polluted":1},"constructor":{"prototype":{"polluted":1}}';
  await publish('proto', reading(`${evil},"used":2`));
  await publish('__proto__', reading('"used":3,"state":"__proto__"'));
  await publish('constructor', reading('"used":4,"state":"constructor"'));
  const to = Date.now() + 60_000;
  const answer = await weir.json<RollupAnswer>(`/api/v1/rollups/usage?from=-1h&to=${to}&step=1h&by=meter`);
  const used = (meter: string) =>
    answer.series.find((one) => Object.hasOwn(one.by, 'meter') && one.by.meter === meter)?.values.used;
  expect(used('proto')).toEqual([2]);
  expect(used('__proto__')).toEqual([3]);
  expect(used('constructor')).toEqual([4]);
  const byState = await weir.json<RollupAnswer>(`/api/v1/rollups/usage?from=-1h&to=${to}&step=1h&by=state`);
  expect(byState.series.map((one) => one.by.state)).toEqual(
    expect.arrayContaining(['__proto__', 'constructor']),
  );
  expect('polluted' in {}).toBe(false);
});
