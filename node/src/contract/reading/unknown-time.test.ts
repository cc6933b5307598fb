import { expect, test } from 'vitest';
import { parseSite } from '../site/parse.ts';
import { GroupBuilder } from './group-builder.ts';

const SITE = `weir: 1
streams:
  told: { from: "told/{meter}", time: ts, key: meter, fields: { watts: gauge } }
  untold: { from: "untold/{meter}", key: meter, fields: { watts: gauge } }
`;

/** What becomes of one message while nobody knows the time. */
function taken(topic: string, payload: string) {
  const builder = new GroupBuilder(parseSite(SITE, 's.yaml').site!);
  builder.add(topic, Buffer.from(payload), Number.NaN);
  const record = builder.take(1, 60_000, false);
  return {
    times: record.sections.flatMap(({ times }) => [...times]),
    aside: record.setAside.map(({ reason }) => reason),
  };
}

test('a board without the time takes what devices say of it, but for a clock that cannot be right (rows 22 and 24)', () => {
  const now = Date.UTC(2026, 10, 20);
  expect(taken('told/m1', `{"ts":${now},"watts":1}`)).toEqual({ times: [now], aside: [] });
  expect(taken('told/m1', `{"ts":${Date.UTC(2100, 0, 1)},"watts":1}`)).toEqual({
    times: [],
    aside: ['clock'],
  });
  expect(taken('told/m1', '{"watts":1}')).toEqual({ times: [], aside: ['malformed'] });
});

test('a reading that would have the time of its arrival is set aside where that is not known (row 22)', () => {
  expect(taken('untold/m1', '{"watts":1}')).toEqual({ times: [], aside: ['clock'] });
});
