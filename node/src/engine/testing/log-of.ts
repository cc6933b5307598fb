import type { TestReading, TestRecord } from './oracle.ts';

const MINUTE_MS = 60_000;

export interface SentReading {
  key: string;
  minute: number;
  kwh: number;
  /** Minutes that it is under way; some are ahead of the clock. */
  delay: number;
  twice: boolean;
}

/** The log: readings by their arrival, a record every few minutes that something came in. Repeats come so much later. */
export function logOf(
  readings: SentReading[],
  base: number,
  repeatMinutes: (reading: SentReading) => number,
): TestRecord[] {
  const sent: { at: number; reading: TestReading }[] = [];
  let kwh = 0;
  for (const one of [...readings].sort((a, b) => a.minute - b.minute)) {
    kwh += one.kwh;
    const time = base + one.minute * MINUTE_MS + (one.kwh & 1023);
    const texts = { state: [null, 'NY', 'CA'][one.minute % 3] };
    const made = { key: one.key, time, numbers: { kwh, watts: one.kwh }, texts };
    sent.push({ at: one.minute + one.delay, reading: made });
    if (one.twice) sent.push({ at: one.minute + one.delay + repeatMinutes(one), reading: made });
  }
  const records = new Map<number, TestReading[]>();
  for (const { at, reading: some } of sent.sort((a, b) => a.at - b.at)) {
    const step = Math.floor(at / 7);
    records.set(step, [...(records.get(step) ?? []), some]);
  }
  return [...records].map(([step, some]) => ({
    wallMs: base + (step + 1) * 7 * MINUTE_MS,
    clockTrusted: true,
    readings: some,
  }));
}
