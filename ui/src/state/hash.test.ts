import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatHash, parseHash, type View } from './hash.ts';

const text = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' });
const arbitraryView: fc.Arbitrary<View> = fc
  .record({
    page: fc.constantFrom('', 'status', 'dashboards/main'),
    rollup: fc.option(text),
    measure: fc.option(text),
    by: fc.option(text),
    filter: fc.option(fc.record({ field: text, value: text })),
    range: fc.oneof(
      fc.constantFrom('15m', '1h', '30d', '3h').map((span) => ({ kind: 'last' as const, span })),
      fc
        .tuple(fc.nat(2_000_000_000_000), fc.integer({ min: 1, max: 1e12 }))
        .map(([from, span]) => ({ kind: 'between' as const, from, to: from + span })),
    ),
  })
  .map((view) => ({ ...view, by: view.filter ? null : view.by }));

describe('the address of a view', () => {
  test('says everything, whatever devices are called', () => {
    fc.assert(
      fc.property(arbitraryView, (view) => {
        expect(parseHash(formatHash(view))).toEqual(view);
      }),
    );
  });

  test('that makes no sense gives the default and never a fault', () => {
    fc.assert(
      fc.property(fc.string(), (hash) => {
        expect(parseHash(hash).range.kind).toBeDefined();
      }),
    );
    expect(parseHash('#/?last=900y').range).toEqual({ kind: 'last', span: '1h' });
    expect(parseHash('#/?from=2026-02-02&to=2026-01-01').range).toEqual({ kind: 'last', span: '1h' });
    expect(parseHash('').page).toBe('');
  });

  test('reads as a person would write it', () => {
    const view = parseHash('#/?rollup=usage&where.meter=m-7&last=6h');
    expect(view).toMatchObject({
      page: '',
      rollup: 'usage',
      filter: { field: 'meter', value: 'm-7' },
      range: { kind: 'last', span: '6h' },
    });
  });
});
