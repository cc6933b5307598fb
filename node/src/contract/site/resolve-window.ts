import { isBucketWidth, widthDivides } from '../time/calendar.ts';
import { formatDuration } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import type { TierSpec, WindowSpec } from './model.ts';
import { span } from './resolve-span.ts';
import type { RollupDraft } from './schema.ts';

/** Steps of one window: what an answer is merged of. */
const WINDOW_STEPS_MAX = 288;

export function resolveWindow(
  draft: RollupDraft,
  path: string,
  tiers: TierSpec[],
  faults: FaultList,
): WindowSpec | null {
  const { over, every } = draft;
  if (over === undefined && every === undefined) return null;
  if (over === undefined || every === undefined) {
    const missing = over === undefined ? 'over' : 'every';
    faults.at(
      `${path}.${over === undefined ? 'every' : 'over'}`,
      `${path} slides, but does not say ${missing === 'over' ? 'over what' : 'how often'}`,
      `add ${missing}, such as ${missing === 'over' ? 'over: 30m' : 'every: 5m'}`,
    );
    return null;
  }
  const overMs = span(over, `${path}.over`, faults);
  const everyMs = span(every, `${path}.every`, faults);
  const finest = tiers[0];
  if (!isBucketWidth(everyMs) || (finest !== undefined && !widthDivides(finest.widthMs, everyMs))) {
    faults.at(
      `${path}.every`,
      `${path}.every ${every} is not made of whole buckets`,
      finest === undefined ? null : `take a multiple of ${finest.name} that divides an hour or a day`,
    );
  } else if (overMs < everyMs || overMs % everyMs !== 0) {
    faults.at(
      `${path}.over`,
      `${path}.over ${over} is not made of whole steps of ${every}`,
      `take a multiple of ${every}`,
    );
  } else if (overMs / everyMs > WINDOW_STEPS_MAX) {
    faults.at(
      `${path}.over`,
      `${path}.over ${over} is more than ${WINDOW_STEPS_MAX} steps of ${every}`,
      `take ${formatDuration(everyMs * WINDOW_STEPS_MAX)} at the most, or a longer every`,
    );
  } else return { overMs, everyMs };
  return null;
}
