import { expect, test } from 'vitest';
import { type Beat, beats } from '../utility/beats.ts';
import { utilityWorld } from '../utility/world.ts';
import { type Behaviours, behave } from './compose.ts';

const FROM = Date.UTC(2026, 10, 20);
const MINUTE = 60_000;
const world = utilityWorld({
  seed: 'behave',
  meters: 300,
  heartbeatMs: 5_000,
  utilities: ['electricity', 'gas', 'water'],
});

function run(behaviours: Behaviours, minutes = 10): Beat[] {
  return [...behave(world, beats(world, FROM, FROM + minutes * MINUTE), behaviours)];
}

const clean = run({});
const name = ({ meter, index }: Beat): string => `${meter}/${index}`;

function expectSendOrder(sent: Beat[]): void {
  for (let at = 1; at < sent.length; at++)
    expect(sent[at].sendMs).toBeGreaterThanOrEqual(sent[at - 1].sendMs);
}

test('without behaviours everything is sent when it is measured', () => {
  expect(clean.length).toBe(300 * 120);
  expect(clean.every((beat) => beat.sendMs === beat.dueMs && beat.ts === beat.dueMs && !beat.dup)).toBe(true);
});

test('a share of the readings is late, by no more than it may be, and none is lost', () => {
  const sent = run({ late: { share: 0.1, upToMs: 2 * MINUTE } });
  expectSendOrder(sent);
  expect(new Set(sent.map(name)).size).toBe(clean.length);
  const delayed = sent.filter((beat) => beat.sendMs > beat.dueMs);
  expect(delayed.length / sent.length).toBeCloseTo(0.1, 2);
  const delays = delayed.map((beat) => beat.sendMs - beat.dueMs);
  expect(Math.max(...delays)).toBeLessThanOrEqual(2 * MINUTE);
  expect(delays.reduce((sum, ms) => sum + ms, 0) / delays.length / MINUTE).toBeCloseTo(1, 1);
});

test('a share is sent twice with equal content, half of those with the DUP flag', () => {
  const sent = run({ duplicates: { share: 0.2, upToMs: 30_000 } });
  expectSendOrder(sent);
  const again = sent.length - clean.length;
  expect(again / clean.length).toBeCloseTo(0.2, 2);
  expect(new Set(sent.map(name)).size).toBe(clean.length);
  expect(new Set(sent.map((beat) => `${name(beat)} ${beat.ts} ${beat.register}`)).size).toBe(clean.length);
  expect(sent.filter((beat) => beat.dup).length / again).toBeCloseTo(0.5, 1);
});

test('a reboot silences the meter for half a minute and keeps the register', () => {
  const sent = run({ reboots: { perDay: 48, counter: 'kept', downMs: 30_000 } });
  const missing = clean.length - sent.length;
  const expected = (300 * 10 * 48) / (24 * 60);
  expect(missing / 6 / expected).toBeGreaterThan(0.7);
  expect(missing / 6 / expected).toBeLessThan(1.3);
  expect(sent.every((beat) => beat.register === beat.total)).toBe(true);
});

test('a reboot that loses the counter starts it again from zero', () => {
  const sent = run({ reboots: { perDay: 48, counter: 'lost', downMs: 30_000 } });
  const last = new Map<number, Beat>();
  let steps = 0;
  for (const beat of sent) {
    const before = last.get(beat.meter);
    if (before !== undefined && beat.register < before.register) {
      steps++;
      // Six silent beats after the zero, and this one.
      expect(beat.register).toBeLessThanOrEqual(7 * 45_000);
      expect(beat.dueMs - before.dueMs).toBeGreaterThanOrEqual(30_000);
    }
    last.set(beat.meter, beat);
  }
  expect(steps).toBeGreaterThan(50);
});

test('a reset sets the register to zero and it counts on from there', () => {
  const sent = run({ resets: { perDay: 48 } });
  expect(sent.length).toBe(clean.length);
  const last = new Map<number, Beat>();
  let steps = 0;
  for (const beat of sent) {
    const before = last.get(beat.meter);
    if (before !== undefined && beat.register !== before.register + beat.used) {
      steps++;
      expect(beat.register).toBe(0);
    }
    last.set(beat.meter, beat);
  }
  expect(steps).toBeGreaterThan(50);
});

test('resets and lost counters together never show a negative register', () => {
  const sent = run({
    resets: { perDay: 100 },
    reboots: { perDay: 100, counter: 'lost', downMs: 30_000 },
  });
  expect(sent.every((beat) => beat.register >= 0 && beat.register <= beat.total)).toBe(true);
});

test('a wrong clock is off by the same amount all the time', () => {
  const sent = run({ skew: { share: 0.25, upToMs: MINUTE } });
  const offsets = new Map<number, Set<number>>();
  for (const { meter, ts, dueMs } of sent)
    offsets.set(meter, (offsets.get(meter) ?? new Set()).add(ts - dueMs));
  expect([...offsets.values()].every((seen) => seen.size === 1)).toBe(true);
  const wrong = [...offsets.values()].flatMap((seen) => [...seen]).filter((ms) => ms !== 0);
  expect(Math.abs(wrong.length / 300 - 0.25)).toBeLessThan(0.08);
  expect(Math.max(...wrong.map(Math.abs))).toBeLessThanOrEqual(MINUTE);
  expect(Math.min(...wrong)).toBeLessThan(0);
});

test('an outage keeps everything back, then forwards it in each meter’s order and faster than it came', () => {
  const outage = { fromMs: FROM + 2 * MINUTE, forMs: 5 * MINUTE, share: 0.5 };
  const sent = run({ outage });
  expectSendOrder(sent);
  expect(sent.length).toBe(clean.length);
  const held = sent.filter((beat) => beat.sendMs > beat.dueMs);
  const meters = new Set(held.map((beat) => beat.meter));
  expect(Math.abs(meters.size / 300 - 0.5)).toBeLessThan(0.1);
  const last = new Map<number, number>();
  for (const { meter, sendMs, index } of sent) {
    if (meters.has(meter))
      expect(sendMs < outage.fromMs || sendMs >= outage.fromMs + outage.forMs).toBe(true);
    expect(index).toBeGreaterThan(last.get(meter) ?? Number.NEGATIVE_INFINITY);
    last.set(meter, index);
  }
  expect(Math.max(...held.map((beat) => beat.sendMs))).toBeLessThan(outage.fromMs + outage.forMs + 20_000);
});

test('all behaviours together are the same each time they are run', () => {
  const all: Behaviours = {
    late: { share: 0.1, upToMs: MINUTE },
    duplicates: { share: 0.1, upToMs: MINUTE },
    reboots: { perDay: 20, counter: 'lost', downMs: 30_000 },
    resets: { perDay: 20 },
    skew: { share: 0.1, upToMs: MINUTE },
    outage: { fromMs: FROM + MINUTE, forMs: MINUTE, share: 0.3 },
  };
  const once = run(all, 4);
  expectSendOrder(once);
  expect(run(all, 4)).toEqual(once);
});
