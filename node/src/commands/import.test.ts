import { expect, test } from 'vitest';
import { messageOf } from './import.ts';
import type { StreamOfSite } from './stream-columns.ts';

const stream: StreamOfSite = {
  name: 'electricity',
  sources: [
    { from: 'meters/{meter}/electricity', filter: 'meters/+/electricity' },
    { from: 'packs/{concentrator}/electricity', filter: 'packs/+/electricity' },
  ],
  codec: 'json',
  timeField: 'ts',
  keyField: 'meter',
  latenessMs: 0,
  fields: [
    { name: 'kwh', type: 'counter', unit: 'kWh', decimals: 3 },
    { name: 'concentrator', type: 'text', unit: '', decimals: 0 },
  ],
};

test('a row becomes the message of its device; what the topic says is not said again', () => {
  expect(messageOf(stream, { time: 5, meter: 'm$&1', kwh: 1.5, concentrator: null })).toEqual({
    topic: 'meters/m$&1/electricity',
    body: { ts: 5, kwh: 1.5 },
  });
});

test('where the first topic cannot be made, the next is', () => {
  expect(messageOf(stream, { time: 5, meter: 'a/b', kwh: null, concentrator: 'c1' })).toEqual({
    topic: 'packs/c1/electricity',
    body: { ts: 5, meter: 'a/b' },
  });
});

test('a row without its time, or without any topic, is none', () => {
  expect(messageOf(stream, { time: null, meter: 'm1' })).toBeNull();
  expect(messageOf(stream, { time: 5, meter: '+', concentrator: '#' })).toBeNull();
  expect(messageOf({ ...stream, timeField: null }, { time: 5, meter: 'm1' })).toBeNull();
});
