import { isBucketWidth, widthDivides } from '../time/calendar.ts';
import { formatDuration, MINUTE_MS, parseDuration } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import type { TierSpec } from './model.ts';
import { span } from './resolve-span.ts';
import type { RollupDraft } from './schema.ts';

/** The finest tier composes every offset of a zone, which are multiples of 15 minutes. */
const FINEST_MS = 15 * MINUTE_MS;

export function resolveTiers(given: RollupDraft['tiers'], path: string, faults: FaultList): TierSpec[] {
  const tiers: TierSpec[] = [];
  for (const [name, keep] of Object.entries(given ?? {})) {
    const place = `${path}.tiers.${name}`;
    const widthMs = parseDuration(name) ?? 0;
    if (!isBucketWidth(widthMs)) {
      faults.atKey(
        place,
        `${path}.tiers: no buckets can be ${name} wide`,
        'take what divides an hour or a day, or whole days, months or years',
      );
      continue;
    }
    judgeOrder(tiers[tiers.length - 1], name, widthMs, place, path, faults);
    const keepMs = span(keep, place, faults);
    if (keep !== undefined && keepMs > 0 && keepMs < widthMs) {
      faults.at(
        place,
        `${place} keeps buckets for ${keep}, less than one of them is wide`,
        `keep them at least ${formatDuration(widthMs)}`,
      );
    }
    if (keepMs === 0 && keep !== undefined)
      faults.at(place, `${place} keeps nothing`, 'give a span, such as 7d');
    tiers.push({ name, widthMs, keepMs });
  }
  return tiers;
}

function judgeOrder(
  before: TierSpec | undefined,
  name: string,
  widthMs: number,
  place: string,
  path: string,
  faults: FaultList,
): void {
  if (before === undefined) {
    if (FINEST_MS % widthMs === 0) return;
    const suggestion = 'begin with 15m or what divides it, such as 1m or 5m';
    const why = widthMs > FINEST_MS ? 'is wider than 15m' : 'does not divide 15m';
    faults.atKey(
      place,
      `the finest tier of ${path}, ${name}, ${why}, of which the hours and days of every zone are made`,
      suggestion,
    );
  } else if (widthMs <= before.widthMs) {
    faults.atKey(
      place,
      `${path}.tiers: ${name} comes after ${before.name}, which is no finer`,
      'order tiers from the finest on',
    );
  } else if (!widthDivides(before.widthMs, widthMs)) {
    faults.atKey(
      place,
      `${path}.tiers: buckets of ${name} are not made of whole buckets of ${before.name}`,
      `each tier must divide the next`,
    );
  }
}
