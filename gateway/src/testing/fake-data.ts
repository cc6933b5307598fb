import type { MeasureSpec, RollupSpec, Series, Where } from '@weir/node/contract';
import { FAKE_METERS, FAKE_STATES, fakeMeter, fakeStateOf } from './fake-site.ts';

const DAY_MS = 86_400_000;

/** A member of a group: what it is called and how many meters it folds. */
export interface FakeGroup {
  by: Record<string, string | null>;
  meters: number;
  seed: number;
}

/** FNV-1a with a final mix: the same text and number give the same 32 bits on every machine. */
export function hash(text: string, n: number): number {
  let h = 2166136261 ^ (n | 0) ^ Math.floor(n / 2 ** 32);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const unit = (text: string, n: number): number => hash(text, n) / 2 ** 32;

/** The series of a group-by that a filter leaves, in the order of their names. */
export function fakeGroups(by: readonly string[], where: Where): FakeGroup[] {
  const keeps = (field: string, value: string): boolean => !where[field] || where[field].includes(value);
  const meters = Array.from({ length: FAKE_METERS }, (_, i) => i).filter(
    (i) => keeps('meter', fakeMeter(i)) && keeps('state', fakeStateOf(i)),
  );
  if (by.includes('meter')) {
    const withState = by.includes('state');
    return meters.map((i) => {
      const name: FakeGroup['by'] = { meter: fakeMeter(i) };
      if (withState) name.state = fakeStateOf(i);
      return { by: name, meters: 1, seed: hash(fakeMeter(i), 1) };
    });
  }
  if (!by.includes('state')) {
    return meters.length === 0 ? [] : [{ by: {}, meters: meters.length, seed: 7 }];
  }
  return FAKE_STATES.map((state) => ({
    by: { state },
    meters: meters.filter((i) => fakeStateOf(i) === state).length,
    seed: hash(state, 2),
  })).filter((group) => group.meters > 0);
}

/** One day's wave with its peak in the evening, a character of the group's own, and a little noise. */
function watts(group: FakeGroup, time: number): number {
  const wave = 1 + 0.6 * Math.sin(((time % DAY_MS) / DAY_MS) * 2 * Math.PI - 2.4);
  const own = 0.5 + unit('own', group.seed);
  return 400 * wave * own * (0.85 + 0.3 * unit('noise', group.seed ^ (time / 1000)));
}

const round = (value: number, decimals: number): number =>
  Math.round(value * 10 ** decimals) / 10 ** decimals;

const isHigh = (time: number): boolean => time % DAY_MS >= DAY_MS / 4 && time % DAY_MS < (DAY_MS * 5) / 6;
const priceAt = (time: number): number => (isHigh(time) ? 0.3215 : 0.241);

/** Every third hour has a gap of a quarter of an hour, which is a guess. */
const estimatedAt = (time: number): number =>
  Math.floor(time / 3_600_000) % 3 === 0 && time % 3_600_000 >= 900_000 && time % 3_600_000 < 1_800_000
    ? 1
    : 0;

/** What a bucket holds after `filledMs` of its width have passed. */
function value(measure: MeasureSpec, group: FakeGroup, start: number, filledMs: number): number | null {
  const w = watts(group, start);
  if (measure.fn === 'count') return Math.floor((filledMs / 5_000) * group.meters);
  if (measure.fn === 'cost') return round((w * group.meters * filledMs * priceAt(start)) / 3.6e9, 4);
  if (measure.fn === 'increase') return round((w * group.meters * filledMs) / 3.6e9, 3);
  // A gauge that was silent for a whole bucket: the page must draw a gap and not a zero.
  if (group.meters === 1 && hash('silent', group.seed ^ (start / 1000)) % 53 === 0) return null;
  return round(measure.fn === 'max' ? w * 1.4 : w, 1);
}

export function fakeSeries(
  measures: MeasureSpec[],
  group: FakeGroup,
  range: { from: number; to: number; step: number; now: number },
  asked: { quality?: boolean; periods?: boolean } = {},
): Series {
  const series: Series = { by: group.by, time: [], values: {}, final: [], revision: [] };
  for (const measure of measures) {
    if (measure.fn === 'top') series.lists = { ...series.lists, [measure.name]: [] };
    else series.values[measure.name] = [];
  }
  const first = Math.floor(range.from / range.step) * range.step;
  for (let start = first; start < range.to && start <= range.now; start += range.step) {
    const isGap = group.meters === 1 && hash('gap', group.seed ^ (start / 1000)) % 97 === 0;
    if (isGap) continue;
    const filledMs = Math.min(range.step, range.now - start);
    series.time.push(start);
    for (const measure of measures) {
      if (measure.fn === 'top') series.lists![measure.name].push(fakeList());
      else series.values[measure.name].push(value(measure, group, start, filledMs));
    }
    const isFinal = start + range.step + 15 * 60_000 <= range.now;
    series.final.push(isFinal);
    series.revision.push(isFinal && hash('late', group.seed ^ (start / 1000)) % 41 === 0 ? 1 : 0);
  }
  if (asked.quality) addQuality(series, measures);
  if (asked.periods) addPeriods(series, measures);
  return series;
}

export const fakeList = () =>
  FAKE_STATES.map((value, at) => ({ value, count: 900 - at * 77, error: at < 4 ? 0 : 3 }));

function addQuality(series: Series, measures: MeasureSpec[]): void {
  const none = series.time.map(() => 0);
  const estimated = measures.filter(({ fn }) => fn === 'increase' || fn === 'cost');
  series.quality = {
    coverage: series.time.map((start) => 1 - estimatedAt(start)),
    estimated: Object.fromEntries(estimated.map(({ name }) => [name, series.time.map(estimatedAt)])),
    late: none,
    duplicates: none,
    resets: none,
  };
}

function addPeriods(series: Series, measures: MeasureSpec[]): void {
  const costs = measures.filter(({ fn }) => fn === 'cost');
  const inPeriod = (measure: string, high: boolean) => {
    const cost = series.time.map((start, at) =>
      isHigh(start) === high ? (series.values[measure][at] ?? 0) : 0,
    );
    return { amount: cost.map((one, at) => one / priceAt(series.time[at])), cost };
  };
  series.periods = Object.fromEntries(
    costs.map(({ name }) => [name, { high: inPeriod(name, true), low: inPeriod(name, false) }]),
  );
}

/** The finest tier that still covers `from` and, with `auto`, keeps a series under about 500 buckets. */
export function fakeStep(
  rollup: RollupSpec,
  from: number,
  to: number,
  step: number | 'auto',
  now: number,
): number {
  const covering = rollup.tiers.filter((tier) => from >= now - tier.keepMs);
  const tiers = covering.length > 0 ? covering : rollup.tiers.slice(-1);
  if (step === 'auto') return (tiers.find((t) => (to - from) / t.widthMs <= 1_500) ?? tiers.at(-1)!).widthMs;
  return Math.max(Math.ceil(step / tiers[0].widthMs) * tiers[0].widthMs, tiers[0].widthMs);
}
