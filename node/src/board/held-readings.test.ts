import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Intake } from '../broker/intake.ts';
import { silentLog } from '../broker/rejections.ts';
import { decodeRecord, GroupBuilder, type LogRecord, parseSite } from '../contract/index.ts';
import { contractCodec } from '../log/contract-codec.ts';
import { MemoryLog } from '../log/memory-log.ts';
import { HeldReadings } from './held-readings.ts';

const SITE = parseSite(
  `weir: 1
streams:
  told: { from: "told/{meter}", time: ts, key: meter, fields: { watts: gauge } }
  untold: { from: "untold/{meter}", key: meter, fields: { watts: gauge } }
rollups:
  load: { of: untold, by: [[meter]], measures: { readings: count() }, tiers: { 1m: 7d } }
`,
  's.yaml',
).site!;
const NOON = Date.UTC(2026, 10, 20, 12);

/** One board on a machine whose clock a test sets; it is started again over the same log and file. */
class Bench {
  readonly log = new MemoryLog({ codec: contractCodec });
  readonly file = join(mkdtempSync(join(tmpdir(), 'weir-held-')), 'held.json');
  boot = 7n;
  sinceBootMs = 1_000;
  /** Null: nobody knows the time. */
  bootAtMs: number | null = null;
  held!: HeldReadings;
  intake!: Intake;

  async start(): Promise<void> {
    const trusted = () => this.bootAtMs !== null;
    const nowMs = () => (this.bootAtMs ?? 0) + this.sinceBootMs;
    this.held = new HeldReadings({
      file: this.file,
      log: this.log,
      logger: silentLog,
      boot: this.boot,
      sinceBootMs: () => this.sinceBootMs,
      nowMs,
      trusted,
      offer: (...reading) => this.intake.offerOf(...reading),
    });
    this.intake = new Intake({
      log: this.log,
      builder: new GroupBuilder(SITE, this.held.stamp),
      clock: { nowMs, trusted },
      onDurable: () => undefined,
      logger: silentLog,
    });
    await this.held.open();
  }

  async send(meter: string, watts: number, stream = 'untold'): Promise<void> {
    const done = Promise.withResolvers<void>();
    const payload = Buffer.from(JSON.stringify({ watts }));
    this.intake.offer(`${stream}/${meter}`, payload, (this.bootAtMs ?? 0) + this.sinceBootMs, (fault) =>
      fault === null ? done.resolve() : done.reject(fault),
    );
    await done.promise;
  }

  async end(): Promise<void> {
    await this.held.close();
    await this.intake.drain();
    this.intake.close();
  }

  async records(): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for await (const { bytes } of this.log.read(1)) {
      const record = decodeRecord(bytes!);
      if (!('fault' in record)) records.push(record);
    }
    return records;
  }

  /** What the log has, as an engine sees it: meters with the times of their readings, and what is set aside. */
  async seen(): Promise<{ counted: string[]; aside: string[] }> {
    const counted: string[] = [];
    const aside: string[] = [];
    for (const { sections, setAside } of await this.records()) {
      for (const { rows, keyIndex, keyEnds, keyBytes, times } of sections)
        for (let row = 0; row < rows; row++) {
          const key = keyIndex[row];
          const name = Buffer.from(keyBytes.subarray(key === 0 ? 0 : keyEnds[key - 1], keyEnds[key]));
          counted.push(`${name} ${times[row] - NOON}`);
        }
      for (const { reason, topic } of setAside) aside.push(`${reason} ${topic}`);
    }
    return { counted, aside };
  }
}

test('readings without a time are held until the clock is trusted, then have the time at which they came (row 22)', async () => {
  const bench = new Bench();
  await bench.start();
  await bench.send('m1', 5);
  bench.sinceBootMs = 61_000;
  await bench.send('m2', 6);
  await bench.held.release();
  expect(await bench.seen()).toEqual({ counted: [], aside: ['held untold/m1', 'held untold/m2'] });
  expect(bench.held.count).toBe(2);
  expect(bench.held.keepFromSeq).toBe(1);
  // The process is started again in the same boot; then the time comes.
  await bench.end();
  bench.sinceBootMs = 65_000;
  await bench.start();
  expect(bench.held.count).toBe(2);
  bench.bootAtMs = NOON;
  await bench.held.release();
  await bench.held.release();
  expect((await bench.seen()).counted).toEqual(['m1 1000', 'm2 61000']);
  expect(bench.held.count).toBe(0);
  expect(existsSync(bench.file)).toBe(false);
  await bench.end();
});

test('letting go that is cut short is begun again with the same times, whatever the clock says then (row 22)', async () => {
  const bench = new Bench();
  await bench.start();
  for (let n = 0; n < 5; n++) {
    bench.sinceBootMs += 1_000;
    await bench.send(`m${n}`, n);
  }
  bench.bootAtMs = NOON;
  let left = 3;
  const offer = bench.intake.offerOf.bind(bench.intake);
  vi.spyOn(bench.intake, 'offerOf').mockImplementation((...reading) => {
    if (left-- > 0) offer(...reading);
    else throw new Error('the power went');
  });
  await bench.held.release();
  expect(bench.held.keepFromSeq).toBe(1);
  await bench.end();
  expect((await bench.seen()).counted).toHaveLength(3);
  // An hour was set meanwhile: the readings keep the times that they were given first.
  bench.bootAtMs = NOON + 3_600_000;
  await bench.start();
  await bench.held.release();
  await bench.held.release();
  const { counted } = await bench.seen();
  expect(counted).toHaveLength(8);
  expect([...new Set(counted)].sort()).toEqual(['m0 2000', 'm1 3000', 'm2 4000', 'm3 5000', 'm4 6000']);
  expect(bench.held.count).toBe(0);
  await bench.end();
});

test('what a boot has left that never knew the time is set aside; a stream that tells its time is not held (row 22)', async () => {
  const bench = new Bench();
  await bench.start();
  await bench.send('m1', 5);
  await bench.send('m9', 5, 'told');
  await bench.end();
  bench.boot = 8n;
  bench.sinceBootMs = 500;
  await bench.start();
  await bench.send('m2', 6);
  bench.bootAtMs = NOON;
  await bench.held.release();
  await bench.held.release();
  const { counted, aside } = await bench.seen();
  expect(counted).toEqual(['m2 500']);
  expect(aside.filter((one) => !one.startsWith('held'))).toEqual(['malformed told/m9', 'clock untold/m1']);
  expect(existsSync(bench.file)).toBe(false);
  await bench.end();
});
