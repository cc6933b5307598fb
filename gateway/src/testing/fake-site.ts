import type { FieldSpec, MeasureSpec, RollupSpec, Site, StreamSpec, TariffSpec } from '@weir/node/contract';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const TIERS = [
  { name: '1m', widthMs: MINUTE_MS, keepMs: 7 * DAY_MS },
  { name: '15m', widthMs: 15 * MINUTE_MS, keepMs: 30 * DAY_MS },
  { name: '1h', widthMs: 60 * MINUTE_MS, keepMs: 120 * DAY_MS },
  { name: '1d', widthMs: DAY_MS, keepMs: 3_650 * DAY_MS },
];

const field = (name: string, type: FieldSpec['type'], unit = '', decimals = 6): FieldSpec => ({
  name,
  type,
  unit,
  decimals,
  maxRatePerHour: type === 'counter' ? 60 : null,
});

const HOME: TariffSpec = {
  name: 'home',
  currency: 'EUR',
  timezone: 'Europe/Berlin',
  periods: [
    { name: 'high', code: 1, rules: [{ days: 0, times: [{ from: 360, to: 1320 }], dates: [] }] },
    { name: 'low', code: 2, rules: [] },
  ],
  prices: [
    {
      from: '2026-01-01',
      fromMs: Date.UTC(2025, 11, 31, 23),
      of: [
        { period: 'high', digits: 3215, places: 4 },
        { period: 'low', digits: 241, places: 3 },
      ],
    },
  ],
};

function stream(name: string, fields: FieldSpec[]): StreamSpec {
  return {
    name,
    sources: [
      {
        from: `meters/{meter}/${name}`,
        filter: `meters/+/${name}`,
        topicFields: [{ field: 'meter', level: 1 }],
      },
    ],
    codec: 'json',
    timeField: 'ts',
    keyField: 'meter',
    idFields: ['meter', 'ts'],
    latenessMs: 15 * MINUTE_MS,
    fields,
  };
}

const rollup = (name: string, of: string, measures: MeasureSpec[]): RollupSpec => ({
  name,
  stream: of,
  groupBys: [['meter'], ['state'], []],
  measures,
  tiers: TIERS,
});

const readings: MeasureSpec = { name: 'readings', fn: 'count', field: null, unit: '' };

/** The utility world in small: three streams of the same meters, one rollup each. */
export const FAKE_SITE: Site = Object.freeze({
  name: 'Riverside',
  timezone: 'Europe/Berlin',
  tariffs: [HOME],
  streams: [
    stream('electricity', [
      { ...field('kwh', 'counter', 'kWh', 3), tariff: HOME },
      field('watts', 'gauge', 'W'),
      field('state', 'text'),
    ]),
    stream('gas', [field('ccf', 'counter', 'ccf', 5), field('state', 'text')]),
    stream('water', [field('gal', 'counter', 'gal', 3), field('state', 'text')]),
  ],
  rollups: [
    {
      ...rollup('usage', 'electricity', [
        { name: 'kwh', fn: 'increase', field: 'kwh', unit: 'kWh' },
        { name: 'watts', fn: 'mean', field: 'watts', unit: 'W' },
        { name: 'peak', fn: 'max', field: 'watts', unit: 'W' },
        readings,
        { name: 'money', fn: 'cost', field: 'kwh', unit: 'EUR' },
        { name: 'states', fn: 'top', field: 'state', unit: '' },
      ]),
      parts: [{ parent: 'm-0000', of: ['m-0001', 'm-0002'] }],
    },
    rollup('gas', 'gas', [{ name: 'ccf', fn: 'increase', field: 'ccf', unit: 'ccf' }, readings]),
    rollup('water', 'water', [{ name: 'gal', fn: 'increase', field: 'gal', unit: 'gal' }, readings]),
  ],
  retention: { rawMs: 2 * DAY_MS, rawBytes: 8e9 },
  mqtt: { tls: null },
  http: { tls: null },
  dashboards: [
    {
      name: 'main',
      panels: [
        { title: 'Electricity', rollup: 'usage', measure: 'kwh', by: ['state'] },
        { title: 'Gas', rollup: 'gas', measure: 'ccf', by: ['state'] },
        { title: 'Water', rollup: 'water', measure: 'gal', by: ['state'] },
      ],
    },
  ],
});

export const FAKE_STATES = ['NY', 'CA', 'TX', 'WA', 'FL', 'IL', 'OH', 'DC'];
export const FAKE_METERS = 200;

export const fakeMeter = (i: number): string => `m-${String(i).padStart(4, '0')}`;
export const fakeStateOf = (i: number): string => FAKE_STATES[i % FAKE_STATES.length];
