import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSite, type Site } from '../contract/index.ts';
import { addedRollups, assertShape, leftTables, noteCounted, noteForgotten } from './kept-shape.ts';

function site(edit: (text: string) => string = (text) => text): Site {
  const text = edit(`weir: 1
site: { name: T, timezone: UTC }
streams:
  power:
    from: meters/{meter}/power
    time: ts
    key: meter
    id: [meter, ts]
    fields:
      kwh: { type: counter, unit: kWh, decimals: 3 }
      watts: { type: gauge, unit: W }
      state: text
      room: text
rollups:
  usage:
    of: power
    by: [[meter], [state]]
    measures: { kwh: increase(kwh) }
    tiers: { 1m: 7d, 1h: 4mo }
`);
  const parsed = parseSite(text, 'test.yaml');
  if (!parsed.site) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
}

const place = () => join(mkdtempSync(join(tmpdir(), 'weir-shape-')), 'shape.json');

test('the same site file fits, and so does one with another rollup or tier', () => {
  const file = place();
  assertShape(site(), file);
  assertShape(site(), file);
  assertShape(
    site((text) => text.replace('1m: 7d', '1m: 9d, 15m: 30d')),
    file,
  );
  assertShape(
    site(
      (text) =>
        `${text}  load:\n    of: power\n    by: [[state]]\n    measures: { watts: mean(watts) }\n    tiers: { 1m: 7d }\n`,
    ),
    file,
  );
});

test('an edit that stored state cannot follow is refused in words, and nothing is written', () => {
  const file = place();
  assertShape(site(), file);
  const before = readFileSync(file, 'utf8');
  const edits: [RegExp, (text: string) => string][] = [
    [
      /rollups\.usage: \[meter\] was register of kwh/,
      (text) => text.replace('increase(kwh)', 'increase(kwh), watts: max(watts)'),
    ],
    [
      /counters was kwh \(3 decimals\) and is now kwh \(4 decimals\)/,
      (text) => text.replace('decimals: 3', 'decimals: 4'),
    ],
    [/dimensions was state and is now state, room/, (text) => text.replace('[state]]', '[state], [room]]')],
  ];
  for (const [says, edit] of edits) expect(() => assertShape(site(edit), file)).toThrow(says);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('what is new is told until it is noted; what is gone is left until it is forgotten', () => {
  const file = place();
  assertShape(site(), file);
  expect(addedRollups(site(), file)).toEqual([]);
  const other = site((text) => text.replace('1h: 4mo', '15m: 30d').replace('[state]]', '[state], []]'));
  assertShape(other, file);
  expect(addedRollups(other, file)).toEqual(['usage']);
  noteCounted(other, file);
  expect(addedRollups(other, file)).toEqual([]);
  expect(leftTables('usage', file)).toEqual(['roll/usage/meter/1h', 'roll/usage/state/1h']);
  // Back again, what was not counted meanwhile is new.
  expect(addedRollups(site(), file)).toEqual(['usage']);
  noteForgotten(leftTables('usage', file), file);
  expect(leftTables('usage', file)).toEqual([]);
});

test('another time zone does not fit buckets of an hour', () => {
  const file = place();
  assertShape(site(), file);
  expect(() =>
    assertShape(
      site((text) => text.replace('timezone: UTC', 'timezone: Asia/Tokyo')),
      file,
    ),
  ).toThrow(/lie by the clock of UTC/);
});
