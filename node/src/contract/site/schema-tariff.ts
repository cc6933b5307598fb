import { Type } from 'typebox';
import { closed, NAME_PATTERN, text } from './schema-words.ts';

const quarterHours = '(?:[01][0-9]|2[0-3]):(?:00|15|30|45)';
const TIMES_PATTERN = `^${quarterHours}-(?:${quarterHours}|24:00)$`;
export const DAYS_PATTERN = '^(mon|tue|wed|thu|fri|sat|sun)(?:-(mon|tue|wed|thu|fri|sat|sun))?$';
const date = '(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}';
export const DATES_PATTERN = `^(?:${date}|${date}\\.\\.${date}|${date}\\.\\.|\\.\\.${date})$`;
const DATE_PATTERN = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$';

/** One, or a list. */
function some(kind: string, pattern: string, description: string) {
  const one = text(kind, pattern, description);
  return Type.Union([one, Type.Array(one, { minItems: 1, maxItems: 64 })], { description });
}

const PeriodRule = Type.Object(
  {
    days: Type.Optional(
      some('days', DAYS_PATTERN, 'Days of the week, by the local date: `mon-fri`, `[sat, sun]`.'),
    ),
    times: Type.Optional(
      some(
        'times',
        TIMES_PATTERN,
        'Of the local clock, in quarters of an hour: `06:00-22:00`, or past midnight `22:00-06:00`.',
      ),
    ),
    dates: Type.Optional(
      some(
        'dates',
        DATES_PATTERN,
        'Of every year `12-24..01-06`, or once `2026-04-03`, `2027-01-01..`; both ends are included.',
      ),
    ),
  },
  { ...closed, description: 'When a period is: all of what it says must fit.' },
);

/** What `site.tariffs` has by name. */
export const Tariff = Type.Object(
  {
    currency: text('currency', '^[A-Z]{3}$', 'Three letters, such as EUR.'),
    periods: Type.Record(
      Type.String({ pattern: NAME_PATTERN }),
      Type.Union(
        [
          Type.Literal('rest', { description: 'Whatever no other period takes.' }),
          PeriodRule,
          Type.Array(PeriodRule, { minItems: 1, maxItems: 16 }),
        ],
        { description: 'When it is: a map, a list of them of which one must fit, or `rest`.' },
      ),
      {
        ...closed,
        minProperties: 1,
        maxProperties: 12,
        description:
          'Named parts of the day, week and year, in order: the first one that fits. The last is `rest`.',
        'x-kindOfName': 'period',
      },
    ),
    prices: Type.Record(
      Type.String({ pattern: DATE_PATTERN }),
      Type.Record(
        Type.String({ pattern: NAME_PATTERN }),
        Type.Number({ minimum: -1e6, maximum: 1e6, description: 'Price of one unit.' }),
        { ...closed, minProperties: 1, maxProperties: 12, 'x-kindOfName': 'period' },
      ),
      {
        ...closed,
        minProperties: 1,
        maxProperties: 200,
        description:
          'Price of one unit by period, from local midnight of a date until the next: `2026-01-01: { high: 0.32, low: 0.24 }`. Before the first there is none.',
        'x-kindOfName': 'date',
        'x-nameIsWritten': 'write a date such as 2026-01-01',
      },
    ),
  },
  { ...closed, description: 'What a unit costs, by period.' },
);
