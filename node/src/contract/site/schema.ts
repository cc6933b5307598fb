/**
 * The site file, said once: validation, defaults, fault messages, `docs/site-file.md` and `docs/site.schema.json` all
 * come from here. Beside JSON Schema's own words there are three: `x-kind` names a text with a form of its own,
 * `x-kindOfName` what the names of a map stand for, and `x-notYet` words of the product that this version refuses.
 * Longer than other files, since every word of the site file stands here, beside its neighbours.
 */
import { type Static, Type } from 'typebox';
import { DURATION_PATTERN, RATE_PATTERN, SIZE_PATTERN } from '../time/duration.ts';
import { Tariff } from './schema-tariff.ts';
import { closed, duration, file, NAME_PATTERN, name, plain, text } from './schema-words.ts';

const TIER_NAME_PATTERN = DURATION_PATTERN;
const TOPIC_PATTERN = '^[^+#$][^+#]{0,254}$';
/** A function of a field; any other measure is an expression over measures. */
export const CALL_PATTERN = '^\\s*[A-Za-z][A-Za-z0-9]*\\(\\s*[A-Za-z0-9_]*\\s*\\)\\s*$';
const KEY_PATTERN = '^[^\\u0000-\\u001f\\u007f]{1,128}$';
const MEASURE_PATTERN = '^[A-Za-z0-9_.()+*/\\s-]{1,200}$';

const Tls = Type.Object(
  {
    cert: file('Certificate chain in PEM.'),
    key: file('Private key in PEM.'),
    ca: Type.Optional(file('Authority of client certificates in PEM; absent: none are asked for.')),
    crl: Type.Optional(file('Certificates that the authority has revoked, as a CRL in PEM; needs `ca`.')),
  },
  { ...closed, description: 'Files, relative to the site file. They are read again when they change.' },
);

const HttpTls = Type.Object(
  { cert: file('Certificate chain in PEM.'), key: file('Private key in PEM.') },
  { ...closed, description: 'Files, relative to the site file. They are read again when they change.' },
);

const Archive = Type.Object(
  {
    dir: file(
      'A directory that is there: of a USB disk, of a share. Raw readings, and buckets of tiers, go to files in it before they are forgotten.',
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('parquet'), Type.Literal('csv')], {
        default: 'parquet',
        description: 'How they are written: `parquet` or `csv`.',
      }),
    ),
  },
  { ...closed, description: 'Where raw readings and buckets go before they are forgotten; absent: nowhere.' },
);

export const FIELD_TYPES = ['counter', 'gauge', 'number', 'text', 'bool'] as const;

const FieldType = Type.Union(
  [
    Type.Literal('counter', { description: 'A register that only goes up, such as a meter.' }),
    Type.Literal('gauge', { description: 'A level at an instant, such as a power.' }),
    Type.Literal('number', { description: 'Any other number, such as an amount.' }),
    Type.Literal('text'),
    Type.Literal('bool'),
  ],
  {
    description:
      'What the field holds: `counter` (a register that only goes up), `gauge` (a level), `number`, `text`, `bool`.',
  },
);

const Field = Type.Object(
  {
    type: FieldType,
    unit: Type.Optional(plain('Unit of numbers, shown beside them.', '')),
    decimals: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 12,
        default: 6,
        description:
          'Digits after the point that numbers keep, so that sums are exact; what is finer is rounded.',
      }),
    ),
    maxRate: Type.Optional(
      text(
        'rate',
        RATE_PATTERN,
        'Counters: a step up faster than this is not believed: it counts only from the next reading that agrees; absent: any is taken.',
      ),
    ),
    multiplier: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1e9,
        description:
          'Numbers: what is read is multiplied by this, exactly, before it is rounded to `decimals`.',
      }),
    ),
    modulus: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1e15,
        description:
          'Counters: the register goes from here back to zero, before the multiplier. A step from its last quarter into its first is a wrap, if `maxRate` allows it.',
      }),
    ),
    noise: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1e9,
        description:
          'Counters: a step back by this much or less changes nothing, until the register is past where it was.',
      }),
    ),
    boot: Type.Optional(
      name(
        'Counters: a field that changes when the device starts anew. Then the register began again at zero, whatever it shows.',
      ),
    ),
    maxGap: Type.Optional(
      duration(
        'Counters: longer than this between two readings, what lies between stands in one bucket; absent: that of the stream.',
      ),
    ),
    tariff: Type.Optional(
      name(
        'Counters: the tariff by which a unit of it costs, of those in `site.tariffs`; see `cost(field)`.',
      ),
    ),
  },
  { ...closed, description: 'One field.' },
);

const Topic = text(
  'topic',
  TOPIC_PATTERN,
  'A topic in which `{name}` takes one level, which becomes a text field: `meters/{meter}/electricity`.',
);

const Expect = Type.Object(
  {
    keys: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      description: 'Devices, or whatever the key tells apart.',
    }),
    every: duration('Between two readings of one of them.'),
    pack: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 1, description: 'Readings in one message.' }),
    ),
  },
  { ...closed, description: 'What is going to come, for `weir plan`. Nothing depends on it.' },
);

const Stream = Type.Object(
  {
    from: Type.Union([Topic, Type.Array(Topic, { minItems: 1, maxItems: 16 })], {
      description:
        'The topic, or a list of topics, that the readings come from. `{name}` takes one level and becomes a text field.',
    }),
    codec: Type.Optional(
      Type.Union([Type.Literal('json')], {
        default: 'json',
        description: 'How a payload is read. `json`: one object, or an array of them, which is a pack.',
        'x-notYet': [
          'csv',
          'senml',
          'sparkplug',
          'tasmota',
          'shelly',
          'zigbee2mqtt',
          'esphome',
          'wmbusmeters',
          'influx',
        ],
      }),
    ),
    time: Type.Optional(
      name(
        'Field of the payload with the event time: ISO 8601, or epoch s, ms, µs or ns. Absent: the time of arrival.',
      ),
    ),
    key: name('Field that says which device it is; all readings of one key are kept in one order.'),
    id: Type.Optional(
      Type.Array(name('A field.'), {
        maxItems: 8,
        description:
          'Fields that make a reading the same one, which then counts once. Absent: key, time and payload.',
      }),
    ),
    lateness: Type.Optional(
      duration('How long after its end a bucket is called final. Later readings still repair it.', '15m'),
    ),
    beyondRaw: Type.Optional(
      Type.Union(
        [
          Type.Literal('merge', { description: 'Merged into the tiers that are left.' }),
          Type.Literal('quarantine', { description: 'Set aside.' }),
        ],
        {
          default: 'merge',
          description:
            'A reading older than raw is kept, which nothing can prove not to be there already: `merge` it into the tiers that are left (not into registers), or `quarantine` it.',
        },
      ),
    ),
    interval: Type.Optional(
      duration(
        'How often a device usually reports. What a register counted over more than three of these is called estimated. Absent: the width of the finest tier.',
      ),
    ),
    maxGap: Type.Optional(
      duration(
        'Longer than this between two readings of a register, nothing is spread over the buckets between: it stands in the later one.',
        '7d',
      ),
    ),
    fields: Type.Optional(
      Type.Record(
        Type.String({ pattern: NAME_PATTERN }),
        Type.Union([FieldType, Field], { description: 'A type, or a map with more.' }),
        {
          ...closed,
          maxProperties: 64,
          default: {},
          description: 'Fields of the payload that are kept.',
          'x-kindOfName': 'field',
        },
      ),
    ),
    expect: Type.Optional(Expect),
  },
  {
    ...closed,
    description: 'Readings or events of one kind.',
    'x-notYet': ['with', 'derive', 'where', 'dedupe'],
  },
);

export const MEASURE_FNS = [
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'first',
  'last',
  'increase',
  'rate',
  'timeMean',
  'stddev',
  'distinct',
  'top',
  'cost',
] as const;

const Rollup = Type.Object(
  {
    of: name('The stream it counts.'),
    by: Type.Optional(
      Type.Array(Type.Array(name('A text or bool field, or the key.'), { maxItems: 8 }), {
        minItems: 1,
        maxItems: 8,
        default: [[]],
        description: 'Group-bys, each a list of fields; `[]` is one series over all.',
      }),
    ),
    measures: Type.Record(
      Type.String({ pattern: NAME_PATTERN }),
      text(
        'measure',
        MEASURE_PATTERN,
        `One of ${MEASURE_FNS.map((fn) => `\`${fn}\``).join(', ')} and the quantiles \`p50\` to \`p9999\` of a field: \`sum(used)\`, \`count()\`; or arithmetic over the other measures: \`orders / visits\`.`,
      ),
      {
        ...closed,
        minProperties: 1,
        maxProperties: 32,
        description:
          'What is counted in each bucket, by name: `sum(used)`, `p95(watts)`, `orders / visits`. [measures.md](measures.md) says what each of them is.',
        'x-kindOfName': 'measure',
      },
    ),
    tiers: Type.Record(
      Type.String({ pattern: TIER_NAME_PATTERN }),
      duration('How long buckets of this width are kept.'),
      {
        ...closed,
        minProperties: 1,
        maxProperties: 8,
        description:
          'Width of the buckets, and how long they are kept: `15m: 30d`. Finest first, at most 15 minutes; each divides the next. From `1h` on they follow the local clock.',
        'x-kindOfName': 'tier',
      },
    ),
    over: Type.Optional(
      duration(
        'Sliding windows: each value covers this much time, `30m`. They are made of buckets when asked for.',
      ),
    ),
    every: Type.Optional(
      duration(
        'How far a window slides, `5m`. A multiple of the finest tier, of which `over` is a multiple.',
      ),
    ),
    parts: Type.Optional(
      Type.Record(
        Type.String({ pattern: KEY_PATTERN }),
        Type.Array(text('text', KEY_PATTERN, 'A key.'), { minItems: 1, maxItems: 500 }),
        {
          ...closed,
          maxProperties: 250,
          description:
            'Meters before others, each with those behind it: `main: [flat1, flat2]`. Their difference is what `weir query --parts` and `/parts` answer.',
          'x-kindOfName': 'key',
          'x-nameIsWritten': 'use 1 to 128 characters on one line',
        },
      ),
    ),
  },
  {
    ...closed,
    description: 'Buckets of one stream.',
    'x-notYet': ['where', 'having'],
  },
);

const Panel = Type.Object(
  {
    title: Type.Optional(plain('Heading; absent: the name of the measure.')),
    rollup: name('The rollup it shows.'),
    measure: name('One of its measures.'),
    by: Type.Optional(
      Type.Array(name('A field.'), {
        maxItems: 8,
        default: [],
        description: 'One line for each value of these fields.',
      }),
    ),
  },
  { ...closed, description: 'One chart.', 'x-notYet': ['kind', 'where', 'over', 'step', 'filter'] },
);

const Dashboard = Type.Object(
  { panels: Type.Array(Panel, { maxItems: 100, description: 'Charts, in their order.' }) },
  { ...closed, description: 'A page of charts.', 'x-notYet': ['title', 'filters', 'refresh'] },
);

const size = (description: string) => text('size', SIZE_PATTERN, description);

const Wear = Type.Object(
  {
    capacity: Type.Optional(
      size('Size of the card or eMMC; with `cycles` it tells what can be written to it.'),
    ),
    cycles: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 1_000_000,
        default: 3000,
        description: 'How often each cell can be written: 3000 is common for eMMC, 1000 for a cheap card.',
      }),
    ),
    tbw: Type.Optional(size('All that can be written to it, if its maker says so; instead of `capacity`.')),
    budget: Type.Optional(
      duration('How long it is to last: checkpoints are made less often when it would not.'),
    ),
  },
  { ...closed, description: 'The flash that the data lies on, and how long it is to last.' },
);

const names = (kind: string, maxProperties: number) => ({ ...closed, maxProperties, 'x-kindOfName': kind });
const NamePattern = Type.String({ pattern: NAME_PATTERN });

export const SiteSchema = Type.Object(
  {
    weir: Type.Literal(1, { description: 'Version of this format.' }),
    site: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(plain('Shown on every page.', 'Weir')),
          timezone: Type.Optional(
            text(
              'timezone',
              '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
              'IANA zone whose hours, days and months buckets follow.',
              'UTC',
            ),
          ),
          wear: Type.Optional(Wear),
          tariffs: Type.Optional(
            Type.Record(NamePattern, Tariff, {
              ...names('tariff', 16),
              description: 'What units cost, by name. [tariffs.md](tariffs.md) has examples.',
            }),
          ),
        },
        { ...closed, default: {}, description: 'The place.', 'x-notYet': ['location'] },
      ),
    ),
    streams: Type.Record(NamePattern, Stream, {
      ...names('stream', 64),
      minProperties: 1,
      description: 'What comes in over MQTT, by name.',
    }),
    rollups: Type.Optional(
      Type.Record(NamePattern, Rollup, {
        ...names('rollup', 64),
        default: {},
        description: 'What is counted, by name.',
      }),
    ),
    retention: Type.Optional(
      Type.Object(
        {
          raw: Type.Optional(duration('How long raw readings are kept.', '48h')),
          rawBytes: Type.Optional(
            text(
              'size',
              SIZE_PATTERN,
              'And how many bytes of them at most; what comes first decides.',
              '8GB',
            ),
          ),
          archive: Type.Optional(Archive),
        },
        { ...closed, default: {}, description: 'When raw readings are forgotten.' },
      ),
    ),
    mqtt: Type.Optional(
      Type.Object(
        { tls: Type.Optional(Tls) },
        { ...closed, default: {}, description: 'The broker.', 'x-notYet': ['limits'] },
      ),
    ),
    http: Type.Optional(
      Type.Object(
        { tls: Type.Optional(HttpTls) },
        { ...closed, default: {}, description: 'The pages and the API.' },
      ),
    ),
    dashboards: Type.Optional(
      Type.Record(NamePattern, Dashboard, {
        ...names('dashboard', 32),
        default: {},
        description: 'Pages of charts, by name.',
      }),
    ),
  },
  {
    ...closed,
    title: 'Site file of Weir',
    description: 'One YAML file says everything.',
    'x-notYet': ['tables', 'joins', 'sessions', 'patterns', 'detectors', 'models', 'actions'],
  },
);

export type SiteFile = Static<typeof SiteSchema>;

/** The file after the walk: what was faulty is left out, so that the rest can still be judged. */
export type Draft<T> = T extends readonly (infer Item)[]
  ? (Draft<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Draft<T[Key]> | undefined }
    : T;

export type StreamDraft = Draft<SiteFile['streams'][string]>;
export type RollupDraft = Draft<NonNullable<SiteFile['rollups']>[string]>;
