import { validate } from 'node-cron';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeRecord, type LogRecord } from '../contract/index.ts';
import { chunkSpanMs, HISTORY_SPAN_MS, TABLES } from '../contract/measures/tables.ts';
import { JOBS, type JobOutcome, type JobPorts, type JobSite, type TableDrop } from './job-ports.ts';
import { type RetentionFacts, retentionPlan } from './retention-plan.ts';
import { scheduleOf } from './schedule-of.ts';
import { type Jobs, startJobs } from './start-jobs.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 20, 12);

const site: JobSite = {
  timezone: 'Europe/Berlin',
  streams: [
    {
      name: 'electricity',
      sources: [],
      codec: 'json',
      timeField: 'ts',
      keyField: 'meter',
      idFields: ['meter', 'ts'],
      latenessMs: 15 * 60_000,
      fields: [],
    },
  ],
  rollups: [
    {
      name: 'usage',
      stream: 'electricity',
      groupBys: [['meter'], []],
      measures: [],
      tiers: [
        { name: '1m', widthMs: 60_000, keepMs: 7 * DAY },
        { name: '1d', widthMs: DAY, keepMs: 3_650 * DAY },
      ],
    },
  ],
  retention: { rawMs: 48 * HOUR, rawBytes: 8e9 },
};

const facts: RetentionFacts = {
  nowMs: NOW,
  monotonicMs: 5 * HOUR,
  clockTrusted: true,
  last: null,
  site,
  leastCheckpointed: 41,
  replayFromMs: null,
};

describe('the plan of retention', () => {
  test('keeps every bucket of a tier until its end is past what the tier keeps', () => {
    const plan = retentionPlan(facts);
    if (!plan.run) throw new Error(plan.why);
    const span = chunkSpanMs(60_000);
    const { beforePeriod } = plan.drops.find(
      ({ table }) => table === TABLES.buckets('usage', ['meter'], '1m'),
    )!;
    expect(beforePeriod * span).toBeLessThanOrEqual(NOW - 7 * DAY - 60_000);
    expect((beforePeriod + 1) * span).toBeGreaterThan(NOW - 7 * DAY - 3 * 60_000);
  });

  test('drops every group-by of every tier, history and ledger, and never what has no time', () => {
    const plan = retentionPlan(facts);
    if (!plan.run) throw new Error(plan.why);
    const tables = plan.drops.map(({ table }) => table);
    expect(tables).toHaveLength(6);
    expect(tables).toContain(TABLES.history('electricity'));
    expect(tables).not.toContain(TABLES.keys('electricity'));
    expect(tables).not.toContain(TABLES.tuples('electricity'));
  });

  test('keeps the log that a restart would replay, by age and by bytes beyond that', () => {
    const plan = retentionPlan(facts);
    if (!plan.run) throw new Error(plan.why);
    expect(plan.log).toEqual({ olderThanWallMs: NOW - 48 * HOUR, maxBytes: 8e9, keepFromSeq: 42 });
  });

  test('row 22: does nothing by a clock that is not trusted', () => {
    expect(retentionPlan({ ...facts, clockTrusted: false }).run).toBe(false);
  });

  test.each([HOUR, -HOUR, 40 * 365 * DAY])('row 23: does nothing while the clock jumps by %i ms', (jump) => {
    const last = { wallMs: NOW - HOUR - jump, monotonicMs: 4 * HOUR };
    expect(retentionPlan({ ...facts, last }).run).toBe(false);
    expect(retentionPlan({ ...facts, last: { ...last, wallMs: NOW - HOUR } }).run).toBe(true);
  });
});

describe('schedules', () => {
  test('are valid, the same for a seed, and spread over seeds', () => {
    for (const job of JOBS) {
      const drawn = new Set<string>();
      for (let board = 0; board < 200; board++) {
        const pattern = scheduleOf(job, `board-${board}`);
        expect(validate(pattern)).toBe(true);
        expect(scheduleOf(job, `board-${board}`)).toBe(pattern);
        drawn.add(pattern);
      }
      expect(drawn.size).toBeGreaterThan(30);
    }
  });

  test('scrub once a week and tidy once a night', () => {
    expect(scheduleOf('retention', 'a')).toMatch(/^\d+ \* \* \* \*$/);
    expect(scheduleOf('tidy', 'a')).toMatch(/^\d+ [34] \* \* \*$/);
    expect(scheduleOf('scrub', 'a')).toMatch(/^\d+ [56] \* \* [0-6]$/);
  });
});

describe('jobs', () => {
  let jobs: Jobs | null = null;
  afterEach(() => jobs?.close());

  test('retention takes the tiers first, then the log', async () => {
    const { ports, done, outcomes } = recorded();
    jobs = startJobs(site, ports, 'board');
    await jobs.run('retention');
    expect(done).toEqual(['retain 6', 'forget 42']);
    expect(outcomes[0]).toMatchObject({ job: 'retention', outcome: 'done' });
  });

  test('what a restart would replay finds the history of its time, however long ago that was', async () => {
    const wallMs = NOW - 30 * DAY;
    const record = { seq: 42, wallMs, clockTrusted: true, layouts: [], sections: [], setAside: [] };
    const { ports, dropped } = recorded({ replays: record });
    jobs = startJobs(site, ports, 'board');
    await jobs.run('retention');
    const history = dropped.find(({ table }) => table === TABLES.history('electricity'))!;
    expect(history.beforePeriod * HISTORY_SPAN_MS).toBeLessThanOrEqual(wallMs - 48 * HOUR);
  });

  test('an untrusted clock forgets nothing, and says so', async () => {
    const { ports, done, outcomes } = recorded({ trusted: false });
    jobs = startJobs(site, ports, 'board');
    await jobs.run('retention');
    expect(done).toEqual([]);
    expect(outcomes[0]).toMatchObject({ outcome: 'left' });
  });

  test('scrub names what is damaged in stores and log', async () => {
    const { ports, outcomes } = recorded();
    jobs = startJobs(site, ports, 'board');
    await jobs.run('scrub');
    expect(outcomes).toEqual([
      { job: 'scrub', outcome: 'damage', message: 'Damaged: shard 3; record 7 of the log.' },
    ]);
  });

  test('a job that fails is reported and the next one runs', async () => {
    const { ports, outcomes } = recorded({ tidy: () => Promise.reject(new Error('no room')) });
    jobs = startJobs(site, ports, 'board');
    await Promise.all([jobs.run('tidy'), jobs.run('scrub')]);
    expect(outcomes.map(({ job, outcome }) => `${job} ${outcome}`)).toEqual(['tidy failed', 'scrub damage']);
  });

  test('are due within their time, and never after closing', async () => {
    const { ports, done } = recorded();
    const closing = startJobs(site, ports, 'board');
    expect(closing.next('retention')!.getTime() - Date.now()).toBeLessThanOrEqual(HOUR + 1_000);
    expect(closing.next('scrub')!.getTime() - Date.now()).toBeLessThanOrEqual(7 * DAY + HOUR);
    await closing.close();
    await closing.run('tidy');
    expect(done).toEqual([]);
  });
});

function recorded(change: { trusted?: boolean; tidy?: () => Promise<void>; replays?: LogRecord } = {}) {
  const done: string[] = [];
  const dropped: TableDrop[] = [];
  const outcomes: JobOutcome[] = [];
  const ports: JobPorts = {
    clock: { nowMs: () => NOW, monotonicMs: () => 0, trusted: () => change.trusted ?? true },
    shards: {
      retain: async (drops) => {
        done.push(`retain ${drops.length}`);
        dropped.push(...drops);
      },
      tidy: change.tidy ?? (async () => void done.push('tidy')),
      scrub: async () => ['shard 3'],
      leastCheckpointed: () => 41,
    },
    log: {
      forget: async ({ keepFromSeq }) => {
        done.push(`forget ${keepFromSeq}`);
        return { segments: 1, bytes: 10 };
      },
      get: async (seq) => (change.replays ? { seq, bytes: encodeRecord(change.replays) } : null),
      scrub: async () => [7],
    },
    report: (outcome) => void outcomes.push(outcome),
  };
  return { ports, done, dropped, outcomes };
}
