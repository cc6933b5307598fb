import { validate } from 'node-cron';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeRecord, type LogRecord, type Replay } from '../contract/index.ts';
import { chunkSpanMs, HISTORY_SPAN_MS, TABLES } from '../contract/measures/tables.ts';
import type { TableDrop } from '../shard/retention-drops.ts';
import { JOBS, type JobOutcome, type JobPorts, type JobSite } from './job-ports.ts';
import { finalDay } from './reconcile-job.ts';
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
    expect(scheduleOf('reconcile', 'a')).toMatch(/^\d+ [34] \* \* \*$/);
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

  test('raw waits for the archive; past its bytes it is forgotten all the same, and that is told', async () => {
    const archived: number[] = [];
    const archive = async (toSeq: number) => {
      archived.push(toSeq);
      return 20;
    };
    const waiting = recorded({ archive, first: 21 });
    jobs = startJobs(site, waiting.ports, 'board');
    await jobs.run('retention');
    expect(archived).toEqual([41]);
    expect(waiting.done).toEqual(['retain 6', 'forget 21', 'forget 42']);
    expect(waiting.outcomes.map(({ outcome }) => outcome)).toEqual(['done']);
    await jobs.close();
    const lost = recorded({ archive, first: 30 });
    jobs = startJobs(site, lost.ports, 'board');
    await jobs.run('retention');
    expect(lost.outcomes[0]).toMatchObject({
      outcome: 'damage',
      message: expect.stringContaining('records up to 29 are forgotten, and those up to 20 of them archived'),
    });
  });

  test('an untrusted clock forgets nothing, and says so', async () => {
    const { ports, done, outcomes } = recorded({ trusted: false });
    jobs = startJobs(site, ports, 'board');
    await jobs.run('retention');
    expect(done).toEqual([]);
    expect(outcomes[0]).toMatchObject({ outcome: 'left' });
  });

  test('reconcile reads the last final day again, tells what it corrected, and waits for a right clock', async () => {
    const { ports, done, outcomes } = recorded();
    jobs = startJobs(site, ports, 'board');
    await jobs.run('reconcile');
    const from = Date.UTC(2026, 10, 18, 23);
    expect(done).toEqual([`reconcile ${from} ${from + DAY}`]);
    expect(outcomes[0]).toMatchObject({
      job: 'reconcile',
      outcome: 'damage',
      message: expect.stringContaining('2 buckets were corrected'),
    });
    await jobs.close();
    const wrong = recorded({ trusted: false });
    jobs = startJobs(site, wrong.ports, 'board');
    await jobs.run('reconcile');
    expect(wrong.done).toEqual([]);
    expect(wrong.outcomes[0]).toMatchObject({ outcome: 'left' });
  });

  test('a day is final when all of it is past its lateness, and has 23 or 25 hours where clocks change', () => {
    const berlin = (at: number) => finalDay(site, at);
    // 0:10 local time on the day after the clocks went back: yesterday is final five minutes later.
    const midnight = Date.UTC(2026, 9, 25, 23);
    expect(berlin(midnight + 10 * 60_000).to).toBe(Date.UTC(2026, 9, 24, 22));
    const day = berlin(midnight + 15 * 60_000);
    expect(day).toEqual({ from: Date.UTC(2026, 9, 24, 22), to: midnight });
    expect(day.to - day.from).toBe(25 * HOUR);
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

interface Change {
  trusted?: boolean;
  tidy?: () => Promise<void>;
  replays?: LogRecord;
  archive?: JobPorts['archive'];
  /** The oldest record after forgetting. */
  first?: number;
}

function recorded(change: Change = {}) {
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
    archive: change.archive ?? null,
    reconcile: async (from, to) => {
      done.push(`reconcile ${from} ${to}`);
      return { state: 'applied', differences: 2, readings: 100, fault: null } as Replay;
    },
    log: {
      forget: async ({ keepFromSeq }) => {
        done.push(`forget ${keepFromSeq}`);
        return { segments: 1, bytes: 10 };
      },
      bounds: () => ({ first: change.first ?? 1, last: 41 }),
      get: async (seq) => (change.replays ? { seq, bytes: encodeRecord(change.replays) } : null),
      scrub: async () => [7],
    },
    report: (outcome) => void outcomes.push(outcome),
  };
  return { ports, done, dropped, outcomes };
}
