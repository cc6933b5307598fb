import { expect, test } from 'vitest';
import { beats } from './beats.ts';
import { packs, singles } from './messages.ts';
import { decimal } from './payload.ts';
import { utilityWorld } from './world.ts';

const FROM = Date.UTC(2026, 10, 20);
const world = utilityWorld({
  seed: 'messages',
  meters: 90,
  heartbeatMs: 5_000,
  utilities: ['electricity', 'gas', 'water'],
});

test('an integer of small units is written as the exact decimal', () => {
  expect(decimal(123_456_780, 4)).toBe('12345.6780');
  expect(decimal(45, 8)).toBe('0.00000045');
  expect(decimal(-15, 1)).toBe('-1.5');
  expect(decimal(0, 4)).toBe('0.0000');
});

test('a single reading stands on its meter’s topic with its register under the name of its unit', () => {
  const messages = [...singles(world, beats(world, FROM, FROM + 5_000))];
  expect(messages.length).toBe(90);
  for (const { topic, payload } of messages) {
    const [, meter, stream] = topic.split('/');
    const reading = JSON.parse(payload);
    expect(reading.meter).toBeUndefined();
    expect(reading.user).toBe(`u${meter.slice(1)}`);
    expect(reading.end - reading.start).toBe(5_000);
    expect(reading.ts).toBe(reading.end);
    const unit = { electricity: 'kwh', gas: 'ccf', water: 'gal' }[stream]!;
    expect(reading[unit]).toBeGreaterThan(0);
    if (stream === 'electricity') expect(reading.watts).toBe(Math.round(reading.used * 720_000));
    else expect(reading.watts).toBeUndefined();
  }
});

test('packs hold every reading once, name its meter, and are full where their concentrator is', () => {
  const span: [number, number] = [FROM, FROM + 60_000];
  const alone = new Set<string>();
  for (const { topic, payload } of singles(world, beats(world, ...span)))
    alone.add(`${topic.split('/')[1]} ${JSON.parse(payload).ts}`);
  const sizes = new Map<string, number[]>();
  for (const { topic, payload, readings } of packs(world, beats(world, ...span), 20)) {
    const pack = JSON.parse(payload) as { meter: string; ts: number }[];
    expect(pack.length).toBe(readings);
    for (const { meter, ts } of pack) expect(alone.delete(`${meter} ${ts}`)).toBe(true);
    sizes.set(topic, [...(sizes.get(topic) ?? []), readings]);
  }
  expect(alone.size).toBe(0);
  // 30 users: the first concentrator serves 20 of them, the second 10.
  expect(sizes.get('packs/c00000/gas')).toEqual(new Array(12).fill(20));
  expect(Math.max(...sizes.get('packs/c00001/gas')!)).toBe(10);
});
