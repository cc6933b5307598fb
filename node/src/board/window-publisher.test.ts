import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { parseSite, type RollupAnswer, type RollupQuestion, type Site } from '../contract/index.ts';
import { WindowPublisher } from './window-publisher.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-windows-'));
afterAll(() => rmSync(dir, { recursive: true }));

const MINUTE_MS = 60_000;
const NOON = Date.UTC(2026, 10, 20, 12);

const SITE = `weir: 1
streams:
  power:
    from: rooms/{room}/power
    key: room
    time: ts
    lateness: 2m
    fields: { watts: gauge }
rollups:
  half:
    of: power
    by: [[], [room]]
    measures: { watts: mean(watts), n: count() }
    tiers: { 1m: 7d }
    over: 30m
    every: 5m
`;

function siteOf(): Site {
  const { site, faults } = parseSite(SITE, 's.yaml');
  expect(faults).toEqual([]);
  return site!;
}

/** A board whose answers tell what was asked, and whose watermark and clock a test moves. */
class Subject {
  nowMs = NOON + MINUTE_MS;
  watermark = NOON;
  refuses = false;
  readonly told: { topic: string; message: Record<string, unknown>; retain: boolean }[] = [];
  readonly #file: string;

  constructor(name: string) {
    this.#file = join(dir, name);
  }

  start(): WindowPublisher {
    return new WindowPublisher(
      siteOf(),
      {
        nowMs: () => this.nowMs,
        ask: async (question) => this.#answer(question),
        publish: async (topic, payload, { retain }) => {
          if (this.refuses) throw new Error('the broker is closed');
          this.told.push({ topic, message: JSON.parse(Buffer.from(payload).toString()), retain });
        },
      },
      this.#file,
      pino({ level: 'silent' }),
    );
  }

  kept(): unknown {
    return JSON.parse(readFileSync(this.#file, 'utf8'));
  }

  topicsTo(): string[] {
    return this.told.map(
      ({ topic, message }) => `${topic} ${new Date(Number(message.to)).toISOString().slice(11, 16)}`,
    );
  }

  #answer({ rollup, from, to, by }: RollupQuestion): RollupAnswer {
    const series = (by.length === 0 ? [{}] : [{ room: 'hall' }, { room: 'attic' }]).map((group) => ({
      by: group,
      time: [from],
      values: { watts: [7], n: [3] },
      final: [true],
      revision: [1],
    }));
    const { watermark } = this;
    const whole = { tier: '1m', step: to - from, timezone: 'UTC', measures: {}, truncated: false };
    return { rollup, from, to, watermark, series, ...whole };
  }
}

test('a window is told once it is final, by each group-by, and never twice', async () => {
  const subject = new Subject('once.json');
  const publisher = subject.start();
  await publisher.look();
  expect(subject.told).toEqual([]);
  subject.nowMs = NOON + 7 * MINUTE_MS + 1;
  await publisher.look();
  // The clock says that 12:00 to 12:05 has closed, the watermark does not.
  expect(subject.told).toEqual([]);
  subject.watermark = NOON + 7 * MINUTE_MS;
  await publisher.look();
  await publisher.look();
  const all = ['12:00', '12:05'].flatMap((at) => [
    `weir/rollups/half ${at}`,
    `weir/rollups/half/by/room ${at}`,
  ]);
  expect(subject.topicsTo()).toEqual(all);
  expect(subject.told[3]).toEqual({
    topic: 'weir/rollups/half/by/room',
    retain: true,
    message: {
      rollup: 'half',
      from: NOON - 25 * MINUTE_MS,
      to: NOON + 5 * MINUTE_MS,
      truncated: false,
      series: [
        { by: { room: 'hall' }, values: { watts: 7, n: 3 }, revision: 1 },
        { by: { room: 'attic' }, values: { watts: 7, n: 3 }, revision: 1 },
      ],
    },
  });
});

test('what a crash or a closed broker left out is told afterwards, at most a hundred windows', async () => {
  const subject = new Subject('again.json');
  subject.nowMs = NOON + 3 * MINUTE_MS;
  await subject.start().look();
  subject.nowMs = subject.watermark = NOON + 18 * MINUTE_MS;
  subject.refuses = true;
  await subject.start().look();
  expect(subject.told).toEqual([]);
  subject.refuses = false;
  await subject.start().look();
  expect(subject.topicsTo().filter((one) => !one.includes('by'))).toEqual(
    ['12:05', '12:10', '12:15'].map((at) => `weir/rollups/half ${at}`),
  );
  subject.nowMs = subject.watermark = NOON + 6000 * MINUTE_MS;
  subject.told.length = 0;
  await subject.start().look();
  expect(subject.told).toHaveLength(200);
  expect(subject.kept()).toEqual({ half: NOON + 5990 * MINUTE_MS });
});
