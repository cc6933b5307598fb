import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import Value from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { HOUR_MS, MONTH_MS, parseDuration } from '../time/duration.ts';
import { formatFaults, type SiteFault } from './faults.ts';
import { parseSite, SITE_FILE_MAX } from './parse.ts';
import { SiteSchema } from './schema.ts';

const UTILITY = readFileSync(new URL('../../../sites/utility.yaml', import.meta.url), 'utf8');

const MINIMAL = `weir: 1
streams:
  power:
    from: rooms/{room}/power
    key: room
    time: ts
    fields: { kwh: counter, watts: gauge, state: text, on: bool }
rollups:
  usage:
    of: power
    by: [[room], []]
    measures: { kwh: increase(kwh), n: count() }
    tiers: { 1m: 7d, 1h: 4mo }
`;

function faultsOf(text: string): string[] {
  const { site, faults } = parseSite(text, 's.yaml');
  expect(site === null).toBe(faults.length > 0);
  return formatFaults(faults).split('\n').slice(0, -1);
}

/** The minimal file with one line or part exchanged. */
function changed(from: string, to: string): string[] {
  expect(MINIMAL).toContain(from);
  return faultsOf(MINIMAL.replace(from, to));
}

describe('a site as understood', () => {
  test('the shipped utility world has no faults, and its packs and single readings are one stream', () => {
    const { site, faults } = parseSite(UTILITY, 'utility.yaml');
    expect(faults).toEqual([]);
    expect(site!.streams.map(({ name }) => name)).toEqual(['electricity', 'gas', 'water']);
    const [electricity, gas] = site!.streams;
    expect(electricity.sources).toEqual([
      {
        from: 'meters/{meter}/electricity',
        filter: 'meters/+/electricity',
        topicFields: [{ field: 'meter', level: 1 }],
      },
      {
        from: 'packs/{concentrator}/electricity',
        filter: 'packs/+/electricity',
        topicFields: [{ field: 'concentrator', level: 1 }],
      },
    ]);
    expect(electricity).toMatchObject({ timeField: 'ts', keyField: 'meter', idFields: ['meter', 'ts'] });
    expect(electricity.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'kwh counter',
      'used number',
      'watts gauge',
      'state text',
      'type text',
      'user text',
      'start number',
      'end number',
      'concentrator text',
    ]);
    expect(gas.fields[0]).toEqual({
      name: 'ccf',
      type: 'counter',
      unit: 'ccf',
      decimals: 8,
      maxRatePerHour: 10,
    });
    expect(site!.rollups[0]).toMatchObject({
      name: 'electricity',
      groupBys: [['meter'], ['state'], []],
      tiers: [
        { name: '1m', widthMs: 60_000, keepMs: parseDuration('7d') },
        { name: '15m', widthMs: 900_000 },
        { name: '1h', widthMs: HOUR_MS, keepMs: 4 * MONTH_MS },
        { name: '1d', widthMs: 24 * HOUR_MS },
      ],
    });
    expect(site!.rollups[0].measures[0]).toEqual({ name: 'kwh', fn: 'increase', field: 'kwh', unit: 'kWh' });
    expect(site!.retention).toEqual({ rawMs: 48 * HOUR_MS, rawBytes: 8e9 });
  });

  test('every default is filled in', () => {
    const { site } = parseSite(MINIMAL, 's.yaml');
    expect(site).toMatchObject({
      name: 'Weir',
      timezone: 'UTC',
      retention: { rawMs: 48 * HOUR_MS, rawBytes: 8e9 },
      mqtt: { tls: null },
      http: { tls: null },
      dashboards: [],
    });
    expect(site!.streams[0]).toMatchObject({ codec: 'json', idFields: [], latenessMs: 900_000 });
    expect(site!.streams[0].fields[0]).toEqual({
      name: 'kwh',
      type: 'counter',
      unit: '',
      decimals: 6,
      maxRatePerHour: null,
    });
  });

  test('it is frozen to the bottom', () => {
    const { site } = parseSite(UTILITY, 'utility.yaml');
    const thawed: string[] = [];
    const look = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) thawed.push(path);
      for (const [key, inner] of Object.entries(value)) look(inner, `${path}.${key}`);
    };
    look(site, 'site');
    expect(thawed).toEqual([]);
  });

  test('certificates are named for the broker and for the pages', () => {
    const text = `${MINIMAL}mqtt: { tls: { cert: a.pem, key: b.pem, ca: c.pem } }\nhttp: { tls: { cert: a.pem, key: b.pem } }\n`;
    const { site } = parseSite(text, 's.yaml');
    expect(site!.mqtt.tls).toEqual({ cert: 'a.pem', key: 'b.pem', ca: 'c.pem' });
    expect(site!.http.tls).toEqual({ cert: 'a.pem', key: 'b.pem', ca: null });
    expect(parseSite(text.replace('a.pem', '/etc/a.pem'), 'sites/s.yaml').site!.mqtt.tls).toEqual({
      cert: '/etc/a.pem',
      key: 'sites/b.pem',
      ca: 'sites/c.pem',
    });
  });

  test('anchors may be used, and the key always belongs to the id', () => {
    const text = MINIMAL.replace('time: ts', 'time: ts\n    id: &id [ts]').replace(
      'rollups:',
      '  heat: { from: "heat/{room}", key: room, time: ts, id: *id }\nrollups:',
    );
    expect(parseSite(text, 's.yaml').site!.streams.map(({ idFields }) => idFields)).toEqual([
      ['room', 'ts'],
      ['room', 'ts'],
    ]);
  });

  test('calendar months and years are tiers, and a rate is told a second', () => {
    const text = MINIMAL.replace('1h: 4mo', '1h: 4mo, 1d: 2y, 1mo: 10y, 1y: 20y')
      .replace('kwh: counter', 'kwh: { type: counter, unit: kWh }')
      .replace('increase(kwh)', 'rate(kwh)');
    const { site } = parseSite(text, 's.yaml');
    expect(site!.rollups[0].tiers.map(({ widthMs }) => widthMs).slice(3)).toEqual([MONTH_MS, 12 * MONTH_MS]);
    expect(site!.rollups[0].measures[0].unit).toBe('kWh/s');
  });
});

test('a rollup with over and every slides', () => {
  const { site, faults } = parseSite(`${MINIMAL}    over: 30m\n    every: 5m\n`, 's.yaml');
  expect(faults).toEqual([]);
  expect(site!.rollups[0].window).toEqual({ overMs: 1_800_000, everyMs: 300_000 });
  expect(parseSite(MINIMAL, 's.yaml').site!.rollups[0]).not.toHaveProperty('window');
});

test('a measure is a function of a field, a quantile, or arithmetic over other measures', () => {
  const text = MINIMAL.replace(
    'kwh: increase(kwh)',
    'share: 100 * (kwh - spare) / kwh, kwh: increase(kwh), spare: increase(kwh), p95: p95(watts), rooms: distinct(room)',
  ).replace('kwh: counter', 'kwh: { type: counter, unit: kWh }');
  const { site, faults } = parseSite(text, 's.yaml');
  expect(faults).toEqual([]);
  const [share, kwh, spare, p95, rooms] = site!.rollups[0].measures;
  expect(share).toEqual({
    name: 'share',
    fn: 'expression',
    field: null,
    unit: '',
    expression: { text: '100 * (kwh - spare) / kwh', operands: [kwh, spare] },
  });
  expect(p95).toEqual({ name: 'p95', fn: 'p95', field: 'watts', unit: '' });
  expect(rooms).toEqual({ name: 'rooms', fn: 'distinct', field: 'room', unit: '' });
});

test('all faults of a file are told at once, in its order, each with a place and a way on', () => {
  const text = readFileSync(new URL('./testing/faulty.yaml', import.meta.url), 'utf8');
  expect(`${faultsOf(text).join('\n')}\n`).toBe(
    readFileSync(new URL('./testing/faulty.txt', import.meta.url), 'utf8'),
  );
});

describe('single faults', () => {
  test.each([
    ['weir: 1\n', '', 's.yaml:1:1  the file needs "weir"; Version of this format'],
    ['weir: 1', 'weir: 2', 's.yaml:1:7  weir must be 1, not 2'],
    ['key: room', 'kex: room', 's.yaml:5:5  unknown key "kex" in streams.power; did you mean "key"?'],
    [
      'kwh: counter',
      'kwh: countr',
      's.yaml:7:20  streams.power.fields.kwh cannot be "countr"; did you mean "counter"?',
    ],
    [
      'kwh: counter',
      'kwh: { type: counter, decimals: 13 }',
      's.yaml:7:47  streams.power.fields.kwh.decimals cannot be 13; write a whole number from 0 to 12',
    ],
    [
      'of: power',
      'of: powr',
      's.yaml:10:9  rollups.usage.of names "powr", which is no stream; did you mean "power"?',
    ],
    [
      'increase(kwh)',
      'increase(watts)',
      's.yaml:12:31  rollups.usage.measures.kwh: increase() needs a counter, and "watts" is a gauge; declare it so if it only goes up, or use sum(watts) or mean(watts)',
    ],
    [
      'increase(kwh)',
      'timeMean(kwh)',
      's.yaml:12:31  rollups.usage.measures.kwh: timeMean() needs a gauge, and "kwh" is a counter; use rate(kwh)',
    ],
    [
      'increase(kwh)',
      'kwh & n',
      's.yaml:12:22  rollups.usage.measures.kwh "kwh & n" is no measure; write a function and a field, such as sum(used), or arithmetic over measures, such as orders / visits',
    ],
    [
      'increase(kwh)',
      'n / m',
      's.yaml:12:26  rollups.usage.measures.kwh names "m", which is no measure here; did you mean "n"?',
    ],
    [
      'increase(kwh)',
      '2 * kwh',
      's.yaml:12:26  rollups.usage.measures.kwh names "kwh", which is an expression itself; write it out',
    ],
    [
      'increase(kwh)',
      'n / sum(watts)',
      's.yaml:12:26  rollups.usage.measures.kwh: the function sum() stands inside an expression; give it a name of its own as a measure, and use that name here',
    ],
    [
      'increase(kwh), n',
      'top(state), m: kwh / 2, n',
      's.yaml:12:37  rollups.usage.measures.m names "kwh", which is a list and no number; leave it out',
    ],
    [
      'increase(kwh)',
      'p100(state)',
      's.yaml:12:27  rollups.usage.measures.kwh: p100() needs a number, and "state" is text; there is kwh, watts',
    ],
    [
      'increase(kwh)',
      'p5(watts)',
      's.yaml:12:22  rollups.usage.measures.kwh: there is no quantile "p5"; write the digits after the point: p05, p50, p95, p999',
    ],
    [
      'increase(kwh)',
      'top(watts)',
      's.yaml:12:26  rollups.usage.measures.kwh: top() needs a text, and "watts" is gauge; there is state, room',
    ],
    [
      'tiers: { 1m: 7d, 1h: 4mo }',
      'tiers: { 1m: 7d }\n    over: 30m',
      's.yaml:14:11  rollups.usage slides, but does not say how often; add every, such as every: 5m',
    ],
    [
      'tiers: { 1m: 7d, 1h: 4mo }',
      'tiers: { 5m: 7d }\n    over: 30m\n    every: 1m',
      's.yaml:15:12  rollups.usage.every 1m is not made of whole buckets; take a multiple of 5m that divides an hour or a day',
    ],
    [
      'tiers: { 1m: 7d, 1h: 4mo }',
      'tiers: { 1m: 7d }\n    over: 32m\n    every: 5m',
      's.yaml:14:11  rollups.usage.over 32m is not made of whole steps of 5m; take a multiple of 5m',
    ],
    [
      'tiers: { 1m: 7d, 1h: 4mo }',
      'tiers: { 1m: 7d }\n    over: 1d\n    every: 1m',
      's.yaml:14:11  rollups.usage.over 1d is more than 288 steps of 1m; take 288m at the most, or a longer every',
    ],
    [
      'increase(kwh)',
      'top(room)',
      's.yaml:12:26  rollups.usage.measures.kwh: top() of the key "room" is what a group-by answers exactly; group by [room] and ask for its largest: /top',
    ],
    [
      '[room]',
      '[watts]',
      's.yaml:11:11  rollups.usage.by groups by "watts", which is a gauge; group by text, bool or the key: state, on, room',
    ],
    [
      '[room]',
      '[ts]',
      's.yaml:11:11  rollups.usage.by groups by the time "ts"; buckets are by time already: see tiers',
    ],
    [
      '1m: 7d, 1h',
      '1h',
      's.yaml:13:14  the finest tier of rollups.usage, 1h, is wider than 15m, of which the hours and days of every zone are made; begin with 15m or what divides it, such as 1m or 5m',
    ],
    [
      '1m: 7d, 1h',
      '10m: 7d, 1h',
      's.yaml:13:14  the finest tier of rollups.usage, 10m, does not divide 15m, of which the hours and days of every zone are made; begin with 15m or what divides it, such as 1m or 5m',
    ],
    [
      '1h: 4mo',
      '30s: 4mo',
      's.yaml:13:22  rollups.usage.tiers: 30s comes after 1m, which is no finer; order tiers from the finest on',
    ],
    [
      '1h: 4mo',
      '7d: 4mo, 1mo: 10y',
      's.yaml:13:31  rollups.usage.tiers: buckets of 1mo are not made of whole buckets of 7d; each tier must divide the next',
    ],
    [
      '1h: 4mo',
      '1h: 4 months',
      's.yaml:13:26  rollups.usage.tiers.1h "4 months" is no duration; write a whole number and a unit, such as 5s, 15m, 1h, 30d, 4mo or 10y',
    ],
    [
      'time: ts',
      'time: ts\n    id: [room]',
      's.yaml:7:9  streams.power.id must include the time "ts": duplicates are looked for among the readings of the same time; write [room, ts]',
    ],
    [
      'time: ts',
      'id: [room, state]',
      's.yaml:6:9  streams.power.id needs a time field: without one a reading that is sent twice arrives at two times and counts twice; name the field of the event time: time: ts',
    ],
    [
      'rooms/{room}/power',
      'rooms/+/power',
      's.yaml:4:11  streams.power.from "rooms/+/power" is no topic of a stream; name levels instead of wildcards: meters/{meter}/electricity',
    ],
    [
      'rooms/{room}/power',
      'rooms/{room}/a{b}',
      's.yaml:4:24  streams.power.from: "a{b}" is no level of a topic; braces take a whole level and hold one name: {meter}',
    ],
    [
      'rooms/{room}/power',
      '["rooms/{room}/power", "rooms/1/{x}"]',
      's.yaml:4:34  streams.power.from.1 "rooms/1/{x}" overlaps "rooms/{room}/power" of the same stream; both match "rooms/1/power"; a reading belongs to one stream',
    ],
    [
      'key: room',
      'key: rom',
      's.yaml:5:10  streams.power.key "rom" is no level of the topic and no field; did you mean "room"? If not, declare it: fields: { rom: text }',
    ],
    [
      'key: room',
      'key: watts',
      's.yaml:5:10  streams.power.key "watts" is a gauge; a key is text; make the field text, or leave it out of fields',
    ],
    [
      'state: text',
      'seq: text',
      `s.yaml:7:43  a field cannot be called "seq": it is the place in the log; give it another name`,
    ],
    [
      'key: room',
      'key: constructor',
      's.yaml:5:10  streams.power.key cannot be "constructor": it is a word of every program that reads answers; take another name',
    ],
    [
      'key: room',
      'key: seq',
      's.yaml:5:10  a key cannot be called "seq": it is the place in the log; give it another name',
    ],
    [
      'rooms/{room}/power',
      'rooms/{room}/{time}',
      's.yaml:4:24  streams.power.from: a level cannot be called "time": it is the event time in answers; give it another name',
    ],
    [
      'rollups:',
      'retention: { raw: 5m }\nrollups:',
      's.yaml:3:3  streams.power.lateness is longer than raw readings are kept; buckets are repaired from raw: make retention.raw longer',
    ],
    [
      'rollups:',
      'retention: { raw: 2d, archive: {} }\nrollups:',
      's.yaml:8:32  retention.archive needs "dir"; A directory that is there: of a USB disk, of a share. Raw readings, and buckets of tiers, go to files in it before they are forgotten',
    ],
    ['rollups:', 'joins: {}\nrollups:', 's.yaml:8:1  "joins" in the file is not supported yet; leave it out'],
    ['rollups:', 'dashboards:\nrollups:', 's.yaml:8:12  dashboards is empty; it must be a map'],
    ['rollups:', 'site: [a]\nrollups:', 's.yaml:8:7  site is a list; it must be a map'],
    ['time: ts', 'time: *nowhere', 's.yaml:6:11  nothing has the anchor "nowhere"'],
    [
      'time: ts',
      '\ttime: ts',
      's.yaml:6:5  not YAML: Tabs are not allowed as indentation; indent with spaces',
    ],
  ])('%j → %j', (from, to, expected) => {
    expect(changed(from, to)).toContain(expected);
  });

  test('a byte order mark and Windows line ends are taken', () => {
    expect(faultsOf(`\ufeff${MINIMAL.replaceAll('\n', '\r\n')}`)).toEqual([]);
    expect(faultsOf(MINIMAL.replace('kwh: counter', 'kwh: x').replaceAll('\n', '\r\n'))[0]).toMatch(
      /^s.yaml:7:20 /,
    );
  });

  test('half hours do not make up the hours of a zone of :45', () => {
    const text = MINIMAL.replace('1m: 7d', '15m: 7d, 30m: 30d');
    expect(faultsOf(text)).toEqual([]);
    const site = 'weir: 1\nsite: { timezone: Asia/Kathmandu }';
    expect(faultsOf(text.replace('weir: 1', site))).toEqual([
      's.yaml:14:23  the hours of Asia/Kathmandu are not made of buckets of 30m; take 15m instead',
    ]);
  });
});

describe('bad files', () => {
  test('FAULTS 35: __proto__ and constructor are inert, as keys and as names', () => {
    const text = `${MINIMAL}__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n`
      .replace('state: text', '__proto__: text, constructor: text, toString: text')
      .replace('  usage:', '  __proto__: { of: power }\n  usage:');
    expect(faultsOf(text).map((line) => line.replace(/;.*/, ''))).toEqual([
      's.yaml:7:43  "__proto__" is reserved and cannot name a field',
      's.yaml:7:60  "constructor" is reserved and cannot name a field',
      's.yaml:7:79  "toString" is reserved and cannot name a field',
      's.yaml:9:3  "__proto__" is reserved and cannot name a rollup',
      's.yaml:15:1  unknown key "__proto__" in the file',
      's.yaml:16:1  unknown key "constructor" in the file',
    ]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('aliases that unfold to billions, deep nesting and huge files end at once, with a fault', {
    timeout: 30_000,
  }, () => {
    const bomb = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) bomb.push(`k${i}: &a${i} [${new Array(10).fill(`*a${i - 1}`).join(', ')}]`);
    const levels = (open: string) => open.repeat(5_000);
    const streams = Array.from({ length: 64 }, (_, i) => `  s${i}: *s`).join('\n');
    const wide = `weir: 1\nx: &s { from: a, key: k, fields: &f { ${Array.from({ length: 64 }, (_, i) => `f${i}: text`)} } }\nstreams:\n${streams}\n`;
    const sameKeys = Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n');
    // The library alone looks for an alias in the whole document, once for each: this took 90 s.
    const aliases = Array.from({ length: 8000 }, (_, i) => `s${i}: *q`).join(', ');
    const files = [
      `weir: 1\nx: &q { from: a }\nstreams: { ${aliases} }`,
      bomb.join('\n'),
      `weir: 1\nstreams: &s { a: *s }\n`,
      levels('['),
      levels('- '),
      levels('{a: '),
      'x'.repeat(SITE_FILE_MAX + 1),
      wide,
      sameKeys,
      '',
      '\0',
      '---\na: 1\n---\nb: 2\n',
      '- a\n- b',
      'null',
      '%YAML 9.9\n---\nweir: 1',
      'weir: !!js/function 1',
      '? { a: 1 }\n: 2',
    ];
    for (const text of files) {
      const started = performance.now();
      const faults = faultsOf(text);
      expect(faults.length, text.slice(0, 40)).toBeGreaterThan(0);
      expect(faults.length).toBeLessThanOrEqual(100);
      expect(performance.now() - started, text.slice(0, 40)).toBeLessThan(5000);
    }
  });

  test('FAULTS 69: what stands in the file cannot forge a line of the output', () => {
    const lines = faultsOf(MINIMAL.replace('key: room', '"ke\\ny\\u001b[31m": room'));
    expect(lines[0]).toContain('needs "key"');
    expect(lines[1]).toContain('unknown key "ke\\u000ay\\u001b[31m"');
  });

  test('any damage to a good file gives a site or faults that stand inside it, never an exception', () => {
    const lines = UTILITY.split('\n').length;
    const edit = fc.record({
      at: fc.nat({ max: UTILITY.length }),
      cut: fc.nat({ max: 30 }),
      put: fc.oneof(
        fc.constantFrom('', '{', ']', ': ', '\n', '&a ', '*a', '- ', '"', '#', '!!', '|'),
        fc.string({ maxLength: 5 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = UTILITY;
        for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
        const { site, faults } = parseSite(text, 'u.yaml');
        expect(site === null).toBe(faults.length > 0);
        for (const { line, column, message } of faults as SiteFault[]) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines + 10);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(message).not.toMatch(/undefined|\[object|NaN/);
        }
        // What is taken is also right by the schema as TypeBox itself reads it.
        if (site !== null) expect(Value.Check(SiteSchema, parseYaml(text))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a register', () => {
  const withField = (field: string) => parseSite(MINIMAL.replace('kwh: counter', `kwh: ${field}`), 's.yaml');

  test('has its rules in scaled integers, after the multiplier', () => {
    const { site, faults } = withField(
      '{ type: counter, decimals: 3, multiplier: 0.25, modulus: 1000000, noise: 0.02, boot: state, maxGap: 2d }',
    );
    expect(faults).toEqual([]);
    expect(site!.streams[0].fields.find(({ name }) => name === 'kwh')).toMatchObject({
      multiplier: { digits: 25, places: 2 },
      register: { modulus: 250_000_000, noise: 20, boot: 'state', maxGapMs: 48 * HOUR_MS },
    });
  });

  test('takes the greatest gap of its stream, and the device may say how often it reports', () => {
    const text = MINIMAL.replace('time: ts', 'time: ts\n    maxGap: 1d\n    interval: 15m');
    const [stream] = parseSite(text, 's.yaml').site!.streams;
    expect(stream.intervalMs).toBe(HOUR_MS / 4);
    expect(stream.fields[0].register).toMatchObject({ maxGapMs: 24 * HOUR_MS, noise: 0 });
  });

  test('of which something cannot be is a fault', () => {
    const lines = (field: string) => formatFaults(withField(field).faults);
    expect(lines('{ type: gauge, noise: 1 }')).toContain('noise is for counters');
    expect(lines('{ type: counter, boot: none }')).toContain('names "none", which is no other field');
    expect(lines('{ type: counter, modulus: 0 }')).toContain('write a number above 0');
    expect(lines('{ type: counter, decimals: 12, modulus: 1000000 }')).toContain('does not fit numbers');
    expect(lines('{ type: text, multiplier: 2 }')).toContain('multiplier is for numbers');
  });
});
