import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isWeirError } from '@weir/node/contract';
import { afterAll, expect, test } from 'vitest';
import { type Bench, mediansOf, ratio } from './bench.ts';
import { eachRun } from './each-run.ts';
import { cpuSeconds, directoryBytes, rssBytes, writtenBytes } from './process-figures.ts';
import { Child, programNamed } from './servers/child.ts';
import { mosquitto } from './servers/mosquitto.ts';
import type { RunningServer, ServerUnderTest } from './servers/server.ts';
import { singlesBench } from './singles.ts';
import { tableOf } from './table.ts';
import { lineBatches, packTapes, singleTapes, workload } from './workload.ts';
import { YARDSTICK } from './yardstick.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-bench-test-'));
afterAll(() => rmSync(root, { recursive: true }));

function benchFor(more: Partial<Bench> = {}): Bench {
  return {
    signal: new AbortController().signal,
    say: () => {},
    runs: 3,
    scale: 0.01,
    only: null,
    directory: () => mkdtempSync(join(root, 'run-')),
    ...more,
  };
}

function fakeServer(name: string, figures: () => void = () => {}, installed = true): ServerUnderTest {
  const stopped = async (): Promise<void> => {};
  return {
    name,
    installed: () => installed,
    start: async (_bench, directory): Promise<RunningServer> => {
      figures();
      return {
        name,
        pid: process.pid,
        directory,
        mqtt: null,
        http: null,
        counted: async () => 0,
        stop: stopped,
        kill: stopped,
      };
    },
  };
}

test('servers take turns, each run has an empty directory, and nothing of it stays', async () => {
  const order: string[] = [];
  const outcome = await eachRun(
    benchFor(),
    [fakeServer('a'), fakeServer('b')],
    async ({ name, directory }) => {
      expect(readdirSync(directory)).toEqual([]);
      writeFileSync(join(directory, 'left'), 'over');
      order.push(name);
      return { x: order.length };
    },
  );
  expect(order.join('')).toBe('ababab');
  const parsing = { cpuSPerMillion: expect.any(Number) };
  expect(outcome.medians).toEqual({ [YARDSTICK]: parsing, a: { x: 3 }, b: { x: 4 } });
  expect(readdirSync(root)).toEqual([]);
});

test('a server that fails or is missing is told of and does not end the others', async () => {
  const fails = fakeServer('weir', () => {
    throw Object.assign(new Error('no such port'), { code: 'EADDRINUSE' });
  });
  const servers = [fails, fakeServer('peer'), fakeServer('absent', undefined, false)];
  const outcome = await eachRun(benchFor(), servers, async () => ({ x: 1 }));
  expect(Object.keys(outcome.runs)).toEqual([YARDSTICK, 'peer']);
  expect(outcome.failed).toEqual(['weir']);
  expect(outcome.notes).toEqual(['absent is not installed.', 'weir failed in run 1: no such port']);
});

test('a fault of the harness itself is not hidden', async () => {
  const broken = eachRun(benchFor(), [fakeServer('a')], async () => {
    throw new TypeError('a bug');
  });
  await expect(broken).rejects.toThrow('a bug');
});

test('medians are by figure, and a ratio without one of its sides is not a pass', () => {
  expect(
    mediansOf([
      { a: 1, b: 9 },
      { a: 3, b: 8 },
      { a: 2, b: 1 },
    ]),
  ).toEqual({ a: 2, b: 8 });
  expect(mediansOf([{ a: 1 }, { a: 2 }])).toEqual({ a: 1.5 });
  expect(ratio('rate', 8, 10, { atLeast: 0.8 })).toMatchObject({ value: 0.8, met: true });
  expect(ratio('rate', 7, 10, { atLeast: 0.8 })).toMatchObject({ met: false });
  expect(ratio('ms', 6, 1, { atMost: 5 })).toMatchObject({ met: false, budget: '≤ 5' });
  expect(ratio('rate', 7, undefined, { atLeast: 0.8 })).toMatchObject({ value: null, met: null });
});

test('the table is Markdown, and says what was not measured', () => {
  const table = tableOf({
    runs: {},
    medians: { peer: { rate: 12_345.6, ms: 0.01234 } },
    ratios: [ratio('rate', undefined, 1, { atLeast: 1 })],
    notes: ['A note.'],
    failed: [],
  });
  expect(table).toContain(
    '| figure |   peer |\n|--------|-------:|\n| rate   | 12,346 |\n| ms     | 0.0123 |',
  );
  expect(table).toContain('not measured');
  expect(table).toContain('A note.');
});

test('every server is given the same readings, whole heartbeats of them, none from the future', () => {
  const now = Date.now();
  const { world, warm, main } = workload(200, 400, 1_000, now);
  expect([warm.readings, main.readings, warm.to === main.from, main.to <= now]).toEqual([
    400,
    1_000,
    true,
    true,
  ]);
  const lines = lineBatches(world, main, 300);
  expect(lines.map(({ readings }) => readings)).toEqual([300, 300, 300, 100]);
  const fromLines = lines.flatMap(({ body }) => body.toString().trim().split('\n')).map(lineReading);
  const fromPacks = packTapes(world, main, 100, 3).flatMap(({ bytes }) =>
    jsonReadings(bytes.toString('latin1')),
  );
  const fromSingles = singleTapes(world, main, 3).flatMap(({ bytes }) =>
    jsonReadings(bytes.toString('latin1')),
  );
  expect(fromLines.length).toBe(1_000);
  expect(fromPacks.sort()).toEqual(fromLines.sort());
  expect(fromSingles.map(withoutMeter).sort()).toEqual(fromLines.map(withoutMeter).sort());
});

function lineReading(line: string): string {
  const [, meter, state, kwh, used, watts, ts] =
    /^electricity,meter=(\w+),state=(\w+) kwh=([\d.]+),used=([\d.]+),watts=(\d+) (\d+)$/.exec(line)!;
  return [meter, ts, kwh, used, watts, state].join(' ');
}

function jsonReadings(bytes: string): string[] {
  const pattern =
    /\{(?:"meter":"(\w+)",)?"ts":(\d+),"kwh":([\d.]+),"used":([\d.]+),"watts":(\d+),"state":"(\w+)"\}/g;
  return [...bytes.matchAll(pattern)].map((match) => match.slice(1).join(' '));
}

const withoutMeter = (reading: string): string => reading.slice(reading.indexOf(' ') + 1);

test('figures of a process come from the kernel', () => {
  const before = cpuSeconds(process.pid);
  const end = performance.now() + 60;
  while (performance.now() < end) Math.sqrt(end);
  expect(cpuSeconds(process.pid)).toBeGreaterThan(before);
  expect(rssBytes(process.pid)).toBeGreaterThan(10e6);
  expect(writtenBytes(process.pid)).toBeGreaterThanOrEqual(0);
  const directory = mkdtempSync(join(root, 'bytes-'));
  writeFileSync(join(directory, 'file'), Buffer.alloc(1234));
  expect(directoryBytes(directory)).toBe(1234);
  rmSync(directory, { recursive: true });
});

test('a child that does not come up is told of with its last words', async () => {
  const child = new Child(process.execPath, ['-e', 'console.error("out of luck"); process.exitCode = 3']);
  await expect(child.firstLine(10_000)).rejects.toThrow(
    expect.toSatisfy((fault: unknown) => isWeirError(fault) && fault.message.includes('out of luck')),
  );
  await child.stop();
  expect(child.running).toBe(false);
});

test.runIf(programNamed('mosquitto') !== null)('mosquitto is measured and ended', async () => {
  const bench = benchFor({ runs: 1, only: ['mosquitto'] });
  const outcome = await singlesBench.run(bench);
  expect(outcome.medians.mosquitto.msgPerS).toBeGreaterThan(100);
  expect(outcome.medians.mosquitto.rssMB).toBeGreaterThan(1);
  const running = await mosquitto.start(bench, bench.directory());
  expect(existsSync(`/proc/${running.pid}`)).toBe(true);
  await running.stop();
  expect(existsSync(`/proc/${running.pid}`)).toBe(false);
});
