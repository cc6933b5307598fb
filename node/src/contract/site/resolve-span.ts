import { parseDuration } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';

/** A duration of the right form can still be more than numbers hold. */
export function span(text: string | undefined, path: string, faults: FaultList): number {
  if (text === undefined) return 0;
  const ms = parseDuration(text);
  if (ms === null || ms > SPAN_MAX_MS)
    faults.at(path, `${path} ${quoted(text)} is too long`, 'at most 200y are possible');
  return ms ?? 0;
}

const SPAN_MAX_MS = parseDuration('200y') ?? 0;
