import { DEFAULT_RANGE, type Range, spanMs } from './range.ts';

/** What the address of the page says: who opens a shared link sees the same. Names are checked against the site later. */
export interface View {
  /** The path after `#/`; the empty one is the overview. */
  page: string;
  rollup: string | null;
  measure: string | null;
  /** One line for each of the largest of this field. */
  by: string | null;
  filter: { field: string; value: string } | null;
  range: Range;
}

const MAX_TEXT = 300;
const WHERE = 'where.';

export function parseHash(hash: string): View {
  const [path, search = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const params = new URLSearchParams(search.slice(0, 4_000));
  const text = (name: string): string | null => params.get(name)?.slice(0, MAX_TEXT) || null;
  const filter = filterOf(params);
  return {
    page: path.slice(0, MAX_TEXT),
    rollup: text('rollup'),
    measure: text('measure'),
    by: filter ? null : text('by'),
    filter,
    range: rangeOf(params),
  };
}

function filterOf(params: URLSearchParams): View['filter'] {
  for (const [name, value] of params) {
    if (name.startsWith(WHERE) && name.length > WHERE.length && value !== '') {
      return { field: name.slice(WHERE.length, MAX_TEXT), value: value.slice(0, MAX_TEXT) };
    }
  }
  return null;
}

function rangeOf(params: URLSearchParams): Range {
  const last = params.get('last') ?? '';
  if (spanMs(last) !== null) return { kind: 'last', span: last };
  const from = Date.parse(params.get('from') ?? '');
  const to = Date.parse(params.get('to') ?? '');
  return from < to ? { kind: 'between', from, to } : DEFAULT_RANGE;
}

export function formatHash(view: View): string {
  const params = new URLSearchParams();
  if (view.rollup) params.set('rollup', view.rollup);
  if (view.measure) params.set('measure', view.measure);
  if (view.filter) params.set(`${WHERE}${view.filter.field}`, view.filter.value);
  else if (view.by) params.set('by', view.by);
  if (view.range.kind === 'last') params.set('last', view.range.span);
  else {
    params.set('from', new Date(view.range.from).toISOString());
    params.set('to', new Date(view.range.to).toISOString());
  }
  return `#/${view.page}?${params}`;
}
