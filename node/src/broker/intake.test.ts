import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { type GroupBuilderPort, LIMITS, type LogRecord, WeirError } from '../contract/index.ts';
import { LOG_IN_FLIGHT } from '../log/port.ts';
import { Intake } from './intake.ts';
import { silentLog } from './rejections.ts';

/** Counts payload bytes as readings, so that a test says how much it offers. */
class CountingBuilder implements GroupBuilderPort {
  readings = 0;
  bytes = 0;
  setAsideCount = 0;
  matches(): boolean {
    return true;
  }
  add(_topic: string, payload: Uint8Array): void {
    this.readings += payload.length;
  }
  take(seq: number, wallMs: number, clockTrusted: boolean): LogRecord {
    const record = {
      seq,
      wallMs,
      clockTrusted,
      layouts: [],
      sections: [],
      setAside: [],
      rows: this.readings,
    };
    this.readings = 0;
    return record;
  }
}

/** Each append is settled by hand. */
class HandLog {
  readonly appends: { record: LogRecord; resolve(): void; reject(fault: Error): void }[] = [];
  append(record: LogRecord): Promise<Uint8Array> {
    return new Promise((resolve, reject) =>
      this.appends.push({ record, resolve: () => resolve(new Uint8Array(1)), reject }),
    );
  }
  bounds() {
    return { first: 5, last: 9 };
  }
}

function newIntake(durable: LogRecord[] = []) {
  const log = new HandLog();
  const intake = new Intake({
    log: log as never,
    builder: new CountingBuilder(),
    clock: { nowMs: () => 1_000, trusted: () => true },
    onDurable: (record) => durable.push(record),
    logger: silentLog,
  });
  return { log, intake };
}

const condition = async (holds: () => boolean) => {
  const givenUpMs = performance.now() + 10_000;
  while (!holds() && performance.now() < givenUpMs) await new Promise((resolve) => setImmediate(resolve));
  expect(holds()).toBe(true);
};

test('sequences go on from the log, acknowledgements come in the order of the offers, then the record', async () => {
  const told: string[] = [];
  const durable: LogRecord[] = [];
  const { log, intake } = newIntake(durable);
  const offer = (name: string) =>
    intake.offer('t', Buffer.of(1), 0, (fault) => told.push(fault ? 'fault' : name));
  offer('a');
  offer('b');
  await condition(() => log.appends.length === 1);
  offer('c');
  expect(told).toEqual([]);
  log.appends[0].resolve();
  await condition(() => log.appends.length === 2);
  expect(told).toEqual(['a', 'b']);
  expect(durable.map(({ seq }) => seq)).toEqual([10]);
  log.appends[1].resolve();
  await condition(() => told.length === 3);
  expect(durable.map(({ seq }) => seq)).toEqual([10, 11]);
  intake.close();
});

test('pressure begins when the open group is full behind the appends under way, and ends with the next append', async () => {
  const { log, intake } = newIntake();
  const full = Buffer.alloc(LIMITS.recordReadings);
  let released = 0;
  intake.onRelease(() => released++);
  for (let i = 0; i < LOG_IN_FLIGHT; i++) intake.offer('t', full, 0, () => undefined);
  expect(intake.pressure()).toBe(false);
  intake.offer('t', full, 0, () => undefined);
  expect(intake.pressure()).toBe(true);
  let refusal: WeirError | null = null;
  intake.offer('t', Buffer.of(1), 0, (fault) => {
    refusal = fault;
  });
  expect(refusal).toMatchObject({ code: 'WEIR_BUSY' });
  log.appends[0].resolve();
  await condition(() => released === 1);
  expect(intake.pressure()).toBe(false);
  expect(log.appends.length).toBe(LOG_IN_FLIGHT + 1);
  intake.close();
});

test('whatever appends are refused, every reading is told once, in order, after its record, and no sequence is skipped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: LIMITS.recordReadings }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.boolean(), { maxLength: 3 }),
      async (sizes, refusals) => {
        const told: number[] = [];
        const taken: number[] = [];
        const { log, intake } = newIntake();
        sizes.forEach((size, i) => {
          if (!intake.pressure()) intake.offer('t', Buffer.alloc(size), 0, () => told.push(i));
        });
        let at = 0;
        let faults = 0;
        const idle = intake.drain();
        let done = false;
        void idle.then(() => {
          done = true;
        });
        const givenUpMs = performance.now() + 10_000;
        while (!done && performance.now() < givenUpMs) {
          if (at < log.appends.length) {
            const append = log.appends[at++];
            // Appends become durable in order: what follows a refused one is refused too.
            const outOfOrder = append.record.seq !== 10 + taken.length;
            if (outOfOrder || refusals[faults++]) append.reject(new WeirError('WEIR_LOG_FULL', 'no room'));
            else {
              taken.push(append.record.seq);
              append.resolve();
            }
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        intake.close();
        expect(told).toEqual([...told.keys()]);
        expect(taken).toEqual(taken.map((_, i) => 10 + i));
        expect(done).toBe(true);
      },
    ),
    { numRuns: 15 },
  );
});

test('after fifteen seconds without a reading an empty record carries the time to the engine', () => {
  vi.useFakeTimers();
  try {
    const { log, intake } = newIntake();
    vi.advanceTimersByTime(14_000);
    expect(log.appends.length).toBe(0);
    vi.advanceTimersByTime(2_000);
    expect(log.appends.map(({ record }) => [record.seq, record.wallMs, record.clockTrusted])).toEqual([
      [10, 1_000, true],
    ]);
    vi.advanceTimersByTime(60_000);
    expect(log.appends.length).toBe(1);
    intake.close();
  } finally {
    vi.useRealTimers();
  }
});
