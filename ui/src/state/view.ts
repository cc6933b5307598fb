import { signal } from '@preact/signals';
import { formatHash, parseHash, type View } from './hash.ts';
import { DEFAULT_RANGE, type Range, sameRange } from './range.ts';

export const view = signal<View>(parseHash(location.hash));

/** Ranges that were zoomed into, so that "back" is one step; links opened afresh start without. */
export const zoomedFrom = signal<Range[]>([]);
const MAX_ZOOMS = 20;

addEventListener('hashchange', () => {
  view.value = parseHash(location.hash);
});

/** Each change is a step of the browser's own history. */
export function change(patch: Partial<View>): void {
  const next = { ...view.peek(), ...patch };
  const hash = formatHash(next);
  view.value = next;
  if (hash !== location.hash) history.pushState(null, '', hash);
}

export function pickRange(range: Range): void {
  zoomedFrom.value = [];
  change({ range });
}

export function zoom(range: Range): void {
  const before = view.peek().range;
  if (sameRange(before, range)) return;
  zoomedFrom.value = [...zoomedFrom.peek(), before].slice(-MAX_ZOOMS);
  change({ range });
}

/** Where "back" leads; null when there is nowhere to go. */
export function rangeBefore(): Range | null {
  const stack = zoomedFrom.value;
  if (stack.length > 0) return stack[stack.length - 1];
  return view.value.range.kind === 'between' ? DEFAULT_RANGE : null;
}

export function zoomBack(): void {
  const before = rangeBefore();
  if (!before) return;
  zoomedFrom.value = zoomedFrom.peek().slice(0, -1);
  change({ range: before });
}
