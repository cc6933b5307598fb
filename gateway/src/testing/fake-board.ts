import type { BoardClient } from '@weir/node/client';
import {
  type EventsAnswer,
  type EventsQuestion,
  LIMITS,
  type LiveChange,
  type LiveQuestion,
  type MeasureSpec,
  type Replay,
  type RollupAnswer,
  type RollupQuestion,
  type RollupSpec,
  type Site,
  type StatusAnswer,
  type TopAnswer,
  type TopQuestion,
  WeirError,
} from '@weir/node/contract';
import { fakeGroups, fakeList, fakeSeries, fakeStep, hash } from './fake-data.ts';
import { FAKE_METERS, FAKE_SITE, fakeMeter, fakeStateOf } from './fake-site.ts';

export interface FakeBoardOptions {
  /** The wall clock: tests pin it, the lively server passes `Date.now`. */
  now: () => number;
  /** How often live viewers are told; 0 means only when `tick()` is called. */
  liveEveryMs?: number;
  site?: Site;
}

export interface FakeBoard extends BoardClient {
  /** Tells every live viewer its newest buckets, now. */
  tick(): void;
  viewers(): number;
  /** Signals of the questions asked so far, so that a test can see one cancelled. */
  readonly signals: AbortSignal[];
  /** While set, rollup and event questions wait for it or for their signal. */
  hold: Promise<void> | null;
  ready: boolean;
  stop(): void;
}

const rollupOf = (site: Site, name: string): RollupSpec => {
  const rollup = site.rollups.find((r) => r.name === name);
  if (!rollup) throw new WeirError('WEIR_NOT_FOUND', `There is no rollup "${name}".`);
  return rollup;
};

const measuresOf = (rollup: RollupSpec, names: string[]): MeasureSpec[] =>
  names.length === 0 ? rollup.measures : rollup.measures.filter((m) => names.includes(m.name));

const decimalsOf = (site: Site, rollup: RollupSpec, measure: MeasureSpec): number =>
  site.streams.find((s) => s.name === rollup.stream)?.fields.find((f) => f.name === measure.field)
    ?.decimals ?? 0;

function answerRollup(site: Site, q: RollupQuestion, now: number): RollupAnswer {
  const rollup = rollupOf(site, q.rollup);
  const measures = measuresOf(rollup, q.measures);
  const step = fakeStep(rollup, q.from, q.to, q.step, now);
  const groups = fakeGroups(q.by, q.where);
  const tier = rollup.tiers.findLast((t) => step % t.widthMs === 0) ?? rollup.tiers[0];
  if (((q.to - q.from) / step) * measures.length * Math.min(groups.length, q.limit) > LIMITS.answerCells) {
    throw new WeirError('WEIR_TOO_MUCH', 'The answer would pass its bound of cells.', { field: 'step' });
  }
  const range = { from: q.from, to: q.to, step, now };
  return {
    rollup: rollup.name,
    tier: tier.name,
    step,
    from: q.from,
    to: q.to,
    timezone: site.timezone,
    watermark: now - 5_000,
    measures: Object.fromEntries(
      measures.map((m) => [m.name, { unit: m.unit, fn: m.fn, decimals: decimalsOf(site, rollup, m) }]),
    ),
    series: groups.slice(0, q.limit).map((group) => fakeSeries(measures, group, range, q)),
    truncated: groups.length > q.limit,
  };
}

function answerTop(site: Site, q: TopQuestion, now: number): TopAnswer {
  const rollup = rollupOf(site, q.rollup);
  const measures = measuresOf(rollup, [q.measure]);
  if (measures[0].fn === 'top') {
    const rows = fakeList().map(({ value, count, error }, at) => {
      return { rank: at + 1, by: { [measures[0].field ?? '']: value }, value: count, error };
    });
    return {
      rollup: rollup.name,
      measure: q.measure,
      unit: '',
      from: q.from,
      to: q.to,
      rows: rows.slice(0, q.k),
    };
  }
  const by = q.by.length > 0 ? q.by : (rollup.groupBys.find((g) => g.length > 0) ?? []);
  const range = { from: q.from, to: q.to, step: fakeStep(rollup, q.from, q.to, 'auto', now), now };
  const rows = fakeGroups(by, q.where).map((group) => {
    const values = fakeSeries(measures, group, range).values[q.measure];
    return { rank: 0, by: group.by, value: values.reduce<number>((sum, v) => sum + (v ?? 0), 0) };
  });
  rows.sort((a, b) => b.value - a.value);
  const top = rows.slice(0, q.k).map((row, i) => ({ ...row, rank: i + 1 }));
  return {
    rollup: rollup.name,
    measure: q.measure,
    unit: measures[0].unit,
    from: q.from,
    to: q.to,
    rows: top,
  };
}

/** One reading every 5 s and meter, meters in turn. */
function answerEvents(site: Site, q: EventsQuestion, now: number): EventsAnswer {
  const spec = site.streams.find((s) => s.name === q.stream);
  if (!spec) throw new WeirError('WEIR_NOT_FOUND', `There is no stream "${q.stream}".`);
  const everyMs = 5_000 / FAKE_METERS;
  const last = Math.ceil(Math.min(q.to, now) / everyMs) - 1;
  const first = Math.ceil(q.from / everyMs);
  const events: EventsAnswer['events'] = [];
  const isDescending = q.order === 'desc';
  let truncated = false;
  for (let n = isDescending ? last : first; n >= first && n <= last; n += isDescending ? -1 : 1) {
    const meter = n % FAKE_METERS;
    const row: EventsAnswer['events'][number] = {
      time: Math.round(n * everyMs),
      seq: n - Math.floor(1.7e12 / everyMs),
      meter: fakeMeter(meter),
    };
    for (const field of spec.fields) {
      if (field.name === 'state') row.state = fakeStateOf(meter);
      else if (field.type === 'counter') row[field.name] = Math.round(n / 40) / 1000;
      else row[field.name] = 300 + (hash(field.name, n) % 4_000) / 10;
    }
    if (!Object.entries(q.where).every(([field, values]) => values.includes(String(row[field])))) continue;
    if (events.length === q.limit) {
      truncated = true;
      break;
    }
    events.push(row);
  }
  return { stream: q.stream, from: q.from, to: q.to, events, truncated };
}

function answerStatus(site: Site, ready: boolean, now: number, startedAt: number): StatusAnswer {
  const applied = Math.floor((now - startedAt) / 20) + 1_000;
  return {
    version: '0.1.0',
    site: site.name,
    ready,
    reasons: ready ? [] : ['shard 3 is replaying: 120 of 400 records'],
    startedAt,
    log: { first: 1, last: applied, segments: 3, bytes: 48e6, state: 'ok', fsyncMsP99: 3.2 },
    shards: Array.from({ length: LIMITS.shards }, (_, shard) => ({
      shard,
      thread: shard % 2,
      applied,
      checkpointed: applied - 40,
      keys: Math.ceil(FAKE_METERS / LIMITS.shards),
      state: !ready && shard === 3 ? ('replaying' as const) : ('serving' as const),
    })),
    lagRecords: 0,
    readingsPerSecond: 40 + (hash('rate', Math.floor(now / 1000)) % 9),
    clients: FAKE_METERS,
    clock: 'synced',
    storage: { storeBytes: 21e6, logBytes: 48e6, freeBytes: 12e9 },
    wear: {
      writtenBytes: 96e6,
      bytesPerReading: 17.4,
      sinceMs: 0,
      totalBytes: 5e9,
      perDayBytes: 1.2e9,
      devicePerDayBytes: null,
      amplification: 3.1,
      monthsLeft: null,
      budgetPerDayBytes: null,
      checkpointEveryMs: 300_000,
    },
    memory: { rssBytes: process.memoryUsage.rss() },
    archive: null,
    reconciled: {
      id: 7,
      from: now - 30 * 3_600_000,
      to: now - 6 * 3_600_000,
      state: 'applied',
      differences: 0,
      endedAt: now - 3 * 3_600_000,
      fault: null,
    },
  };
}

function liveChange(site: Site, q: LiveQuestion, now: number): LiveChange {
  const rollup = rollupOf(site, q.rollup);
  const step = q.step === 'auto' ? rollup.tiers[0].widthMs : q.step;
  const from = Math.floor(now / step) * step;
  const question: RollupQuestion = { ...q, from, to: now + 1, step, limit: LIMITS.answerSeries };
  const { tier, watermark, series } = answerRollup(site, question, now);
  return { rollup: q.rollup, tier, step, watermark, series: series.filter((s) => s.time.length > 0) };
}

/** A board that needs no disk, broker or thread: the same clock gives the same answers on every machine. */
export function createFakeBoard(options: FakeBoardOptions): FakeBoard {
  const site = options.site ?? FAKE_SITE;
  const { now } = options;
  const startedAt = now();
  const signals: AbortSignal[] = [];
  const viewers = new Set<{ question: LiveQuestion; onChange: (change: LiveChange) => void }>();
  const tick = (): void => {
    for (const viewer of viewers) viewer.onChange(liveChange(site, viewer.question, now()));
  };
  const timer = options.liveEveryMs ? setInterval(tick, options.liveEveryMs) : null;
  const received = (): number => Math.floor((now() - startedAt) / 25) + 10_000;

  const board: FakeBoard = {
    signals,
    hold: null,
    ready: true,
    tick,
    viewers: () => viewers.size,
    stop: () => {
      if (timer) clearInterval(timer);
      viewers.clear();
    },
    site: () => site,
    rollup: async (question, signal) => {
      await held(board, signals, signal);
      return answerRollup(site, question, now());
    },
    top: async (question, signal) => {
      await held(board, signals, signal);
      return answerTop(site, question, now());
    },
    events: async (question, signal) => {
      await held(board, signals, signal);
      return answerEvents(site, question, now());
    },
    ledger: async () => {
      const total = received();
      return {
        received: total,
        counted: total - 57,
        onTime: total - 357,
        lateMerged: 300,
        duplicate: 42,
        quarantined: { malformed: 9, clock: 3 },
        rejected: { size: 3 },
      };
    },
    quarantine: async ({ stream, limit }) => ({
      messages: [
        quarantined(1, stream, 'malformed', '{"ts": 1, "kwh": ', now()),
        // Markup in a name: a page that does not show it as text shows itself here.
        quarantined(2, stream, 'clock', '{"meter":"<img src=x onerror=alert(1)>","ts":"2100-01-01"}', now()),
      ].slice(0, limit),
    }),
    status: async () => answerStatus(site, board.ready, now(), startedAt),
    swaps: async () => ({ swaps: [] }),
    recordSwap: async () => undefined,
    verify: async () => ({
      hash: '0'.repeat(32),
      position: 1_000,
      shards: Array.from({ length: LIMITS.shards }, (_, shard) => ({
        shard,
        position: 1_000,
        hash: '0'.repeat(32),
      })),
    }),
    replays: async () => ({ replays: [fakeReplay('ready', now())] }),
    replay: async () => fakeReplay('ready', now()),
    beginReplay: async () => fakeReplay('running', now()),
    applyReplay: async () => fakeReplay('applying', now()),
    editSite: async ({ apply }) => ({
      anew: [],
      lost: [],
      replay: null,
      differences: [{ path: 'site.name', says: 'site.name is B, and was A', becomes: 'changed' }],
      applied: apply,
    }),
    forgetRollup: async (rollup) => ({ rollup, tables: 4 }),
    cancelReplay: async () => fakeReplay('cancelled', now()),
    counters: async () => ({
      readings_total: received(),
      duplicates_total: 42,
      'quarantined_total{reason="malformed"}': 9,
      'quarantined_total{reason="clock"}': 3,
      log_bytes: 48e6,
    }),
    live: (question, onChange) => {
      const viewer = { question, onChange };
      viewers.add(viewer);
      return () => viewers.delete(viewer);
    },
  };
  return board;
}

function fakeReplay(state: Replay['state'], now: number): Replay {
  const largest = [{ by: { meter: 'm1' }, buckets: 1, measure: 'increase(kwh)', difference: 0.25 }];
  const tier = { rollup: 'usage', by: ['meter'], tier: '1m', from: null, to: null };
  return {
    id: 1,
    rollups: ['usage'],
    reason: 'reconcile',
    apply: false,
    state,
    from: null,
    to: null,
    startedAt: now - 60_000,
    endedAt: state === 'running' ? null : now,
    records: { from: 1, done: 400, to: 400 },
    readings: 24_000,
    tiers: [{ ...tier, equal: 1_439, changed: 1, added: 0, removed: 0, largest }],
    differences: 1,
    fault: null,
  };
}

/** Waits while the test holds the board, and gives up as a real one does when the client has gone. */
async function held(board: FakeBoard, signals: AbortSignal[], signal?: AbortSignal): Promise<void> {
  if (signal) signals.push(signal);
  if (signals.length > 1_000) signals.shift();
  if (!board.hold) return;
  const gone = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  await Promise.race([board.hold, gone]);
}

function quarantined(seq: number, stream: string | null, reason: string, payload: string, now: number) {
  return {
    seq,
    time: now - seq * 60_000,
    stream: stream ?? 'electricity',
    topic: `meters/m-<b>${seq}</b>/electricity`,
    reason,
    payload,
    encoding: 'utf8' as const,
    payloadBytes: payload.length,
  };
}
