import { afterEach, describe, expect, it } from 'vitest';
import { isWeirError } from '../contract/index.ts';
import type { CommitLog, LogEntry } from './port.ts';
import { keyHashOf, plainCodec, type Sample, sampleRecord } from './sample-records.ts';

/** What an implementation lends to the suite besides the log itself. Segments hold about `segmentRecords`. */
export interface LogUnderTest {
  log: CommitLog;
  /** Spoils the stored bytes of a record, as a rotten block would. */
  damage(seq: number): Promise<void>;
  /** Appends are refused for want of space, or taken again. */
  full(on: boolean): Promise<void>;
  failing(on: boolean): Promise<void>;
  close(): Promise<void>;
}

export type OpenLogUnderTest = (options: { segmentRecords: number }) => Promise<LogUnderTest>;

const HOUR = 3_600_000;

/** Opens a fresh log for a test; `under` is what was opened. */
interface Opener {
  log(segmentRecords?: number): Promise<CommitLog>;
  under(): LogUnderTest;
}

/** The behaviour that every commit log has. Each implementation's test file calls it once. */
export function testCommitLog(name: string, open: OpenLogUnderTest): void {
  let under: LogUnderTest;
  const opener: Opener = {
    log: async (segmentRecords = 1000) => {
      under = await open({ segmentRecords });
      return under.log;
    },
    under: () => under,
  };
  const parts = { appending, faults, finding, forgetting };
  for (const [part, test] of Object.entries(parts)) {
    describe(`${name}: ${part}`, () => {
      afterEach(() => under.close());
      test(opener);
    });
  }
}

function appending(opener: Opener): void {
  it('is empty at first, and starts with record 1', async () => {
    const log = await opener.log();
    expect(log.bounds()).toEqual({ first: 1, last: 0 });
    expect(await all(log, 1)).toEqual([]);
    expect(await log.get(1)).toBeNull();
  });

  it('gives back what was appended, in order', async () => {
    const log = await opener.log();
    await fill(log, 1, 20);
    const entries = await all(log, 1);
    expect(entries.map((entry) => entry.seq)).toEqual(range(1, 20));
    for (const { seq, bytes } of entries) expect(plain(bytes)).toEqual(plainCodec.encode(sampleRecord(seq)));
    expect((await all(log, 18)).map((entry) => entry.seq)).toEqual([18, 19, 20]);
    expect(plain((await log.get(7))?.bytes)).toEqual(plainCodec.encode(sampleRecord(7)));
    expect(await log.get(21)).toBeNull();
    expect(await log.append(sampleRecord(21))).toEqual(plainCodec.encode(sampleRecord(21)));
  });

  it('takes two appends at once and settles them in order', async () => {
    const log = await opener.log();
    const order: number[] = [];
    for (let seq = 1; seq < 20; seq += 2) {
      const both = [seq, seq + 1].map((each) => log.append(sampleRecord(each)).then(() => order.push(each)));
      await Promise.all(both);
    }
    expect(order).toEqual(range(1, 20));
    expect(log.bounds()).toEqual({ first: 1, last: 20 });
  });

  it('refuses a sequence that is not the next one', async () => {
    const log = await opener.log();
    await fill(log, 1, 3);
    expect(await codeOf(log.append(sampleRecord(5)))).toBe('WEIR_LOG_FENCED');
    expect(await codeOf(log.append(sampleRecord(3)))).toBe('WEIR_LOG_FENCED');
    await fill(log, 4, 4);
    expect(log.bounds().last).toBe(4);
  });

  it('shows no record before it is durable', async () => {
    const log = await opener.log();
    const pending = log.append(sampleRecord(1));
    expect(log.bounds().last).toBe(0);
    await pending;
    expect(log.bounds().last).toBe(1);
  });

  it('counts what it appended', async () => {
    const log = await opener.log();
    await fill(log, 1, 5);
    const bytes = range(1, 5).reduce((sum, seq) => sum + plainCodec.encode(sampleRecord(seq)).length, 0);
    expect(log.stats()).toMatchObject({ appendedRecords: 5, appendedBytes: bytes, state: 'ok' });
    expect(log.stats().bytes).toBeGreaterThanOrEqual(bytes);
  });

  it('refuses appends once it is closed', async () => {
    const log = await opener.log();
    await fill(log, 1, 2);
    await log.close();
    expect(await codeOf(log.append(sampleRecord(3)))).toBe('WEIR_LOG_UNAVAILABLE');
  });
}

function faults(opener: Opener): void {
  for (const [fault, code] of [
    ['full', 'WEIR_LOG_FULL'],
    ['failing', 'WEIR_LOG_UNAVAILABLE'],
  ] as const) {
    it(`refuses while ${fault}, serves reads, and takes the same sequence afterwards`, async () => {
      const log = await opener.log();
      await fill(log, 1, 4);
      await opener.under()[fault](true);
      const codes = await Promise.all([5, 6].map((seq) => codeOf(log.append(sampleRecord(seq)))));
      expect(codes[0]).toBe(code);
      expect(codes[1]).not.toBe('resolved');
      expect(log.bounds().last).toBe(4);
      expect(log.stats().state).not.toBe('ok');
      expect(await all(log, 1)).toHaveLength(4);
      await opener.under()[fault](false);
      await expect.poll(() => log.stats().state).toBe('ok');
      await fill(log, 5, 6, { stream: 'second try' });
      const [fifth] = await all(log, 5);
      expect(plain(fifth.bytes)).toEqual(plainCodec.encode(sampleRecord(5, { stream: 'second try' })));
    });
  }

  it('reports a damaged record, never serves it, never skips it', async () => {
    const log = await opener.log();
    await fill(log, 1, 9);
    await opener.under().damage(4);
    const entries = await all(log, 1);
    expect(entries.map((entry) => entry.seq)).toEqual(range(1, 9));
    expect(entries.filter((entry) => entry.bytes === null).map((entry) => entry.seq)).toEqual([4]);
    expect(await log.get(4)).toEqual({ seq: 4, bytes: null });
    expect(await log.scrub()).toEqual([4]);
  });
}

function finding(opener: Opener): void {
  const at = (hour: number) => 1_700_000_000_000 + hour * HOUR;
  const ask = (more: object) => ({
    stream: 'electricity',
    from: at(0),
    to: at(1000),
    keyHash: null,
    order: 'asc' as const,
    limit: 100,
    ...more,
  });

  it('finds by event time, in whatever order the events came, over segments', async () => {
    const log = await opener.log(5);
    for (let seq = 1; seq <= 20; seq++) await fill(log, seq, seq, { fromMs: at((seq * 7) % 20) });
    const expected = range(1, 20).filter((seq) => (seq * 7) % 20 >= 5 && (seq * 7) % 20 <= 9);
    expect(await log.find(ask({ from: at(5), to: at(9) }))).toEqual(expected);
  });

  it('finds by key without losing any, over segments', async () => {
    const log = await opener.log(5);
    const keysOf = (seq: number) => [`a${seq % 3}`, `b${seq % 5}`];
    for (let seq = 1; seq <= 23; seq++) await fill(log, seq, seq, { keys: keysOf(seq) });
    for (const key of ['a0', 'a2', 'b4', 'none']) {
      const expected = range(1, 23).filter((seq) => keysOf(seq).includes(key));
      expect(await log.find(ask({ keyHash: keyHashOf(key) }))).toEqual(expected);
    }
  });

  it('tells streams apart', async () => {
    const log = await opener.log(5);
    for (let seq = 1; seq <= 12; seq++)
      await fill(log, seq, seq, { stream: seq % 4 === 0 ? 'gas' : 'water' });
    expect(await log.find(ask({ stream: 'gas' }))).toEqual([4, 8, 12]);
    expect(await log.find(ask({ stream: 'unheard of' }))).toEqual([]);
  });

  it('keeps the first or the last of many, ascending', async () => {
    const log = await opener.log(5);
    await fill(log, 1, 17);
    expect(await log.find(ask({ limit: 3 }))).toEqual([1, 2, 3]);
    expect(await log.find(ask({ limit: 3, order: 'desc' }))).toEqual([15, 16, 17]);
  });
}

function forgetting(opener: Opener): void {
  const never = { olderThanWallMs: null, maxBytes: Number.MAX_SAFE_INTEGER, keepFromSeq: 1e9 };

  it('drops whole segments by age, oldest first', async () => {
    const log = await opener.log(5);
    await fill(log, 1, 23);
    expect(await log.forget({ ...never, olderThanWallMs: sampleRecord(12).wallMs })).toMatchObject({
      segments: 2,
    });
    expect(log.bounds()).toEqual({ first: 11, last: 23 });
    expect((await all(log, 1)).map((entry) => entry.seq)).toEqual(range(11, 23));
    expect(await log.get(3)).toBeNull();
  });

  it('goes by no clock that is not trusted', async () => {
    const log = await opener.log(5);
    const lost = { wallMs: Date.UTC(1986, 0, 1), clockTrusted: false };
    for (let seq = 1; seq <= 23; seq++) await log.append(sampleRecord(seq, seq % 5 === 0 ? lost : {}));
    const dropped = await log.forget({ ...never, olderThanWallMs: sampleRecord(11).wallMs });
    expect(dropped).toMatchObject({ segments: 1 });
    expect(log.bounds()).toEqual({ first: 6, last: 23 });
    await log.forget({ ...never, olderThanWallMs: sampleRecord(11).wallMs + 1 });
    expect(log.bounds()).toEqual({ first: 11, last: 23 });
  });

  it('drops by bytes, but never a segment that holds a record to keep, nor the one it writes', async () => {
    const log = await opener.log(5);
    await fill(log, 1, 23);
    await log.forget({ ...never, maxBytes: 0, keepFromSeq: 8 });
    expect(log.bounds().first).toBe(6);
    const freed = await log.forget({ ...never, maxBytes: 0 });
    expect(freed.bytes).toBeGreaterThan(0);
    expect(log.bounds()).toEqual({ first: 21, last: 23 });
    await fill(log, 24, 30);
    expect(log.bounds().last).toBe(30);
  });

  it('keeps everything within the bounds', async () => {
    const log = await opener.log(5);
    await fill(log, 1, 12);
    expect(await log.forget(never)).toEqual({ segments: 0, bytes: 0 });
    expect(log.bounds()).toEqual({ first: 1, last: 12 });
  });
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

export async function fill(log: CommitLog, from: number, to: number, sample: Sample = {}): Promise<void> {
  for (let seq = from; seq <= to; seq++) await log.append(sampleRecord(seq, sample));
}

export async function all(log: CommitLog, from: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of log.read(from)) entries.push(entry);
  return entries;
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (fault) {
    if (isWeirError(fault)) return fault.code;
    throw fault;
  }
}

/** A Buffer is a Uint8Array, but does not compare as equal to one. */
function plain(bytes: Uint8Array | null | undefined): Uint8Array {
  return Uint8Array.from(bytes ?? []);
}
