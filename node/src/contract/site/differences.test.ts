import { expect, test } from 'vitest';
import { siteDifferences } from './differences.ts';
import type { Site } from './model.ts';
import { parseSite } from './parse.ts';

const TEXT = `weir: 1
site: { name: T, timezone: UTC }
streams:
  power:
    from: meters/{meter}/power
    time: ts
    key: meter
    id: [meter, ts]
    fields:
      kwh: { type: counter, unit: kWh, decimals: 3 }
      state: text
rollups:
  usage:
    of: power
    by: [[meter], [state]]
    measures: { kwh: increase(kwh) }
    tiers: { 1m: 7d, 1h: 4mo }
`;

function site(text: string): Site {
  const parsed = parseSite(text, 'test.yaml');
  if (!parsed.site) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
}

const edited = (edit: (text: string) => string) => siteDifferences(site(TEXT), site(edit(TEXT)));

test('what is only written differently is no difference', () => {
  expect(
    edited((text) => `# a comment\n${text.replace('[[meter], [state]]', '[[state],    [meter]]')}`),
  ).toEqual([]);
});

test('what is new or gone as a whole is told once, and what becomes of it', () => {
  const extra = `  extra:
    of: power
    by: [[]]
    measures: { readings: count() }
    tiers: { 1m: 7d }
`;
  const added = [{ path: 'rollups.extra', says: 'rollups.extra is new', becomes: 'filled' }];
  expect(edited((text) => text + extra)).toEqual(added);
  expect(siteDifferences(site(TEXT + extra), site(TEXT))).toEqual([
    { path: 'rollups.extra', says: 'rollups.extra is gone', becomes: 'kept' },
  ]);
});

test('group-bys and tiers are filled or kept, everything else changes from then on', () => {
  const words = (edit: (text: string) => string) =>
    edited(edit).map(({ says, becomes }) => `${says} (${becomes})`);
  expect(words((text) => text.replace('[[meter], [state]]', '[[meter], []]'))).toEqual([
    'rollups.usage.by [] is new (filled)',
    'rollups.usage.by [state] is gone (kept)',
  ]);
  expect(words((text) => text.replace('1m: 7d,', '1m: 9d, 15m: 30d,'))).toEqual([
    'rollups.usage.tiers.1m is kept 9d, and was kept 7d (changed)',
    'rollups.usage.tiers.15m is new: kept 30d (filled)',
  ]);
  expect(
    words((text) => text.replace('state: text', 'state: text\n      volts: { type: gauge, unit: V }')),
  ).toEqual(['streams.power.fields.volts is new: type gauge, unit V, decimals 6 (changed)']);
  expect(words((text) => text.replace('time: ts', 'time: ts\n    lateness: 1h'))).toEqual([
    'streams.power.lateness is 1h, and was 15m (changed)',
  ]);
});
