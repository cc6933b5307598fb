import type { MeasureFn, MeasureSpec, RollupSpec, Site, StreamSpec } from '../../contract/site/model.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** One stream of meters and three rollups of it, in a zone that changes its clocks. */
export function testSite(more: { idFields?: string[]; timezone?: string; keepDays?: number } = {}): Site {
  const keep = (days: number) =>
    (more.keepDays === undefined ? 4000 : Math.min(days, more.keepDays)) * DAY_MS;
  const tiers = [
    { name: '1m', widthMs: MINUTE_MS, keepMs: keep(7) },
    { name: '15m', widthMs: 15 * MINUTE_MS, keepMs: keep(30) },
    { name: '1h', widthMs: 60 * MINUTE_MS, keepMs: keep(120) },
    { name: '1d', widthMs: DAY_MS, keepMs: keep(3650) },
  ];
  const rollup = (name: string, measures: MeasureSpec[]): RollupSpec => ({
    name,
    stream: 'electricity',
    groupBys: [['meter'], ['state'], [], ['meter', 'state']],
    measures,
    tiers,
  });
  return {
    name: 'Test',
    timezone: more.timezone ?? 'Europe/Berlin',
    streams: [testStream(more.idFields ?? [])],
    rollups: [
      rollup('usage', usageMeasures()),
      rollup('plain', plainMeasures()),
      rollup('sketched', sketchedMeasures()),
    ],
    retention: { rawMs: 4000 * DAY_MS, rawBytes: 1e9 },
    mqtt: { tls: null },
    http: { tls: null },
    dashboards: [],
  };
}

function testStream(idFields: string[]): StreamSpec {
  const field = (name: string, type: StreamSpec['fields'][number]['type'], decimals: number) => ({
    name,
    type,
    unit: '',
    decimals,
    maxRatePerHour: null,
  });
  const base = {
    name: 'electricity',
    from: 'meters/{meter}/electricity',
    filter: 'meters/+/electricity',
    sources: [{ from: 'meters/{meter}/electricity', filter: 'meters/+/electricity', topicFields: [] }],
    topicFields: [{ field: 'meter', level: 1 }],
    codec: 'json' as const,
    timeField: 'ts',
    keyField: 'meter',
    idFields,
    latenessMs: 5 * MINUTE_MS,
    fields: [field('kwh', 'counter', 3), field('watts', 'gauge', 1), field('state', 'text', 0)],
  };
  return base;
}

const measure = (name: string, fn: MeasureFn, field: string | null): MeasureSpec => ({
  name,
  fn,
  field,
  unit: '',
});

function usageMeasures(): MeasureSpec[] {
  return [
    measure('kwh', 'increase', 'kwh'),
    measure('power', 'rate', 'kwh'),
    measure('watts', 'mean', 'watts'),
    measure('load', 'timeMean', 'watts'),
    measure('peak', 'max', 'watts'),
    measure('readings', 'count', null),
  ];
}

function plainMeasures(): MeasureSpec[] {
  return [
    measure('total', 'sum', 'kwh'),
    measure('low', 'min', 'watts'),
    measure('opening', 'first', 'kwh'),
    measure('closing', 'last', 'kwh'),
    measure('readings', 'count', null),
  ];
}

function sketchedMeasures(): MeasureSpec[] {
  return [
    measure('spread', 'stddev', 'kwh'),
    measure('middle', 'p50', 'kwh'),
    measure('most', 'p95', 'watts'),
    measure('levels', 'distinct', 'watts'),
    measure('meters', 'distinct', 'meter'),
    measure('states', 'distinct', 'state'),
    measure('frequent', 'top', 'state'),
    {
      ...measure('share', 'expression', null),
      expression: {
        text: '100 * levels / (meters - 1) - spread',
        operands: [
          measure('levels', 'distinct', 'watts'),
          measure('meters', 'distinct', 'meter'),
          measure('spread', 'stddev', 'kwh'),
        ],
      },
    },
  ];
}
