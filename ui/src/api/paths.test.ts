import { expect, test } from 'vitest';
import { livePath, rollupPath, topPath } from './paths.ts';

const read = (path: string) => new URL(path, 'http://localhost').searchParams;

test('values of devices are escaped as the gateway reads them', () => {
  const path = rollupPath('usage', {
    from: '-1h',
    to: 'now',
    measure: 'kwh',
    by: ['meter'],
    where: { meter: ['a,b', 'c\\d', '&x=1#'] },
  });
  expect(read(path).get('where.meter')).toBe('a\\,b,c\\\\d,&x=1#');
  expect([...read(path).keys()].sort()).toEqual(['by', 'from', 'measures', 'to', 'where.meter']);
});

test('names cannot leave their place in the path', () => {
  expect(topPath('../../x?y', { from: '1', to: '2', measure: 'm', by: [], where: {}, k: 10 })).toMatch(
    /^\/api\/v1\/rollups\/\.\.%2F\.\.%2Fx%3Fy\/top\?/,
  );
});

test('the live stream is asked for one tier', () => {
  expect(read(livePath('usage', { measure: 'kwh', by: [], where: {}, step: '60000' })).get('step')).toBe(
    '60000',
  );
});
