import type { Selection } from '../state/selection.ts';
import type { Line } from './table.ts';

/** Members of a group by their value; the names come from devices and are only ever shown as text. */
export function nameOf({ by }: Pick<Line, 'by'>, shown: Pick<Selection, 'filter'> | null): string {
  const entries = Object.entries(by);
  if (entries.length === 0) return shown?.filter?.value ?? 'all';
  return entries.map(([field, value]) => value ?? `no ${field}`).join(' · ');
}
