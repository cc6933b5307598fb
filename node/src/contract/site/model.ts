/** The site file as understood: resolved, frozen, with every default filled in. */

export type FieldType = 'counter' | 'gauge' | 'number' | 'text' | 'bool';

export interface FieldSpec {
  name: string;
  type: FieldType;
  unit: string;
  /** Numbers are kept as integers scaled by 10^decimals. */
  decimals: number;
  /** Counters: a step up faster than this is not believed; null takes any. In the field's unit. */
  maxRatePerHour: number | null;
  /** What a number is multiplied by before it is rounded: exactly digits / 10^places. */
  multiplier?: { digits: number; places: number };
  /** Counters, where the file says more than `maxRate`. */
  register?: RegisterSpec;
  /** Counters: what a unit of it costs. */
  tariff?: TariffSpec;
}

/** What a unit costs, by period of the day, week and year, in the zone of the site. */
export interface TariffSpec {
  name: string;
  currency: string;
  timezone: string;
  /** In order: the first one that fits; the last is the rest, and has no rules. */
  periods: TariffPeriod[];
  /** Each holds from local midnight of its date until the next one's; ascending. */
  prices: PriceList[];
}

export interface TariffPeriod {
  name: string;
  /** Under which its amounts are stored: made of the name alone, so that periods can come, go and change places. */
  code: number;
  /** One of them must fit. */
  rules: PeriodRule[];
}

/** All of what it says must fit; what it leaves out always does. */
export interface PeriodRule {
  /** Bit 0 is Monday; 0: every day. */
  days: number;
  /** Minutes since midnight of the local clock, quarters of an hour. */
  times: { from: number; to: number }[];
  dates: DateRule[];
}

export interface DateRule {
  /** Then month × 100 + day, else days since 1970-01-01; both ends included. */
  yearly: boolean;
  from: number;
  to: number;
}

export interface PriceList {
  /** As written: 2026-01-01. */
  from: string;
  fromMs: number;
  of: (TariffPrice & { period: string })[];
}

/** Exactly digits / 10^places of the currency for one unit. */
export interface TariffPrice {
  digits: number;
  places: number;
}

/** How the readings of a register are judged. Amounts are scaled integers, multiplied already. */
export interface RegisterSpec {
  /** It goes back to zero when it comes to this; null: it never does. */
  modulus: number | null;
  /** A step back by this much or less is none. */
  noise: number;
  /** Field that changes when the device starts anew, which sets the register to zero; null: none tells. */
  boot: string | null;
  /** Longer than this between two readings, nothing is spread; null: as long as everywhere. */
  maxGapMs: number | null;
}

export interface SourceSpec {
  /** As written: `meters/{meter}/electricity`. */
  from: string;
  /** The same as an MQTT filter: `meters/+/electricity`. */
  filter: string;
  /** Level of the topic, from 0, that fills a field. What no level fills comes from the payload. */
  topicFields: { field: string; level: number }[];
}

export interface StreamSpec {
  name: string;
  /** Where its readings come from, at least one; no two sources of a site match the same topic. */
  sources: SourceSpec[];
  codec: 'json';
  /** Field of the payload with the event time; null means arrival time. */
  timeField: string | null;
  keyField: string;
  /**
   * Fields whose equality makes two readings the same one; empty: key, time and payload. If there are any, the key
   * and the time are among them.
   */
  idFields: string[];
  latenessMs: number;
  /** What becomes of a reading that is older than raw readings are kept; absent: it is merged. */
  beyondRaw?: 'merge' | 'quarantine';
  /** How often a device usually reports; absent: as often as the finest tier that counts it has buckets. */
  intervalMs?: number;
  /** Every column but the key and the time, in the order of the file; topic levels are text. */
  fields: FieldSpec[];
  /** What is going to come, where the site file says it. */
  expected?: { keys: number; everyMs: number; pack: number };
}

/** `p50`, `p95`, `p999`: see `measures/quantile-fn.ts`. */
export type QuantileFn = `p${number}`;

export type MeasureFn =
  | 'count'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  | 'increase'
  | 'rate'
  | 'timeMean'
  | 'stddev'
  | 'distinct'
  | 'top'
  | 'cost'
  | 'expression'
  | QuantileFn;

export interface MeasureSpec {
  name: string;
  fn: MeasureFn;
  /** Null for count() and expressions. */
  field: string | null;
  /** The field's; of a rate the field's a second, `kWh/s`; of a cost the currency; of what is counted, empty. */
  unit: string;
  /** Of an expression only: as written, and the measures that it names, in the order in which they first stand there. */
  expression?: { text: string; operands: MeasureSpec[] };
}

export interface TierSpec {
  /** As written, `15m`. */
  name: string;
  /**
   * Nominal width, which alone tells how buckets lie: see `time/calendar.ts`. A local day has 23, 24 or 25 hours; a
   * month is 1/12 of 365.25 days here, which no number of days equals.
   */
  widthMs: number;
  keepMs: number;
}

/** Values of a rollup that cover more than their step: the last `overMs`, told anew `everyMs`. */
export interface WindowSpec {
  overMs: number;
  everyMs: number;
}

export interface RollupSpec {
  name: string;
  stream: string;
  /** Each is a list of field names in file order; `[]` is one series over all. */
  groupBys: string[][];
  measures: MeasureSpec[];
  /** Finest first; each width divides the next; the finest is at most 15 minutes. */
  tiers: TierSpec[];
  /** Absent: values cover their own step. `overMs` is a multiple of `everyMs`, of which the finest tier is a part. */
  window?: WindowSpec;
  /** Keys of which others are the parts: a meter before others. */
  parts?: { parent: string; of: string[] }[];
}

/** Paths; what the site file names without a leading slash lies beside it, and stands here with its folder. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Certificate authority of client certificates; null asks for none. */
  ca: string | null;
  /** Revocation list of that authority. */
  crl?: string;
}

export interface PanelSpec {
  title: string;
  rollup: string;
  measure: string;
  by: string[];
}

/** The flash that the data lies on. */
export interface WearSpec {
  /** Bytes that can be written to it before its cells are worn out. */
  enduranceBytes: number;
  /** How long it is to last; null asks for nothing. */
  lifeMs: number | null;
}

export interface Site {
  name: string;
  timezone: string;
  /** Absent where the site file says nothing about its flash. */
  wear?: WearSpec;
  /** Those that fields name are the same objects. */
  tariffs?: TariffSpec[];
  streams: StreamSpec[];
  rollups: RollupSpec[];
  /** Without an archive what is past raw is gone. */
  retention: { rawMs: number; rawBytes: number; archive?: { dir: string; format: 'parquet' | 'csv' } };
  mqtt: { tls: TlsFiles | null };
  http: { tls: TlsFiles | null };
  dashboards: { name: string; panels: PanelSpec[] }[];
}
