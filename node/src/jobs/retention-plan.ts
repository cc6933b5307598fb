import { historyDrop, ledgerDrop, type TableDrop, tierDrops } from '../shard/retention-drops.ts';
import type { JobSite } from './job-ports.ts';

export type RetentionPlan =
  | { run: true; drops: TableDrop[]; log: { olderThanWallMs: number; maxBytes: number; keepFromSeq: number } }
  | { run: false; why: string };

export interface RetentionFacts {
  nowMs: number;
  /** Whether the board believes its clock. */
  clockTrusted: boolean;
  /** What both clocks showed at the last retention of this life of the process; null before the first. */
  last: { wallMs: number; monotonicMs: number } | null;
  monotonicMs: number;
  site: JobSite;
  /** Position that every shard has in its store: the log before it is not needed for a restart. */
  leastCheckpointed: number;
  /** Wall time of the record after it, which a restart would replay first; null when there is none. */
  replayFromMs: number | null;
}

/** Wall time may differ so much from elapsed time before it is taken for a clock that was set. */
const CLOCK_STEP_MS = 10 * 60_000;

/**
 * What may be forgotten now. Never by a clock that is not trusted, nor by one that was just set: data that a wrong
 * clock drops does not come back, while data that is dropped an hour late costs nothing.
 */
export function retentionPlan(facts: RetentionFacts): RetentionPlan {
  const { site, nowMs } = facts;
  if (!facts.clockTrusted) return { run: false, why: 'the clock is not trusted' };
  if (facts.last !== null) {
    const elapsed = facts.monotonicMs - facts.last.monotonicMs;
    const step = nowMs - facts.last.wallMs - elapsed;
    if (Math.abs(step) > CLOCK_STEP_MS)
      return { run: false, why: `the clock went ${Math.round(step / 1000)} s away from elapsed time` };
  }
  // A replay meets the past again: it must find the history that was there then, or it counts a duplicate twice.
  const asOfMs = Math.min(nowMs, facts.replayFromMs ?? nowMs);
  return {
    run: true,
    drops: [...tierDrops(site, asOfMs), ...streamDrops(site, asOfMs)],
    log: {
      olderThanWallMs: nowMs - site.retention.rawMs,
      maxBytes: site.retention.rawBytes,
      keepFromSeq: facts.leastCheckpointed + 1,
    },
  };
}

function streamDrops({ streams, retention }: JobSite, nowMs: number): TableDrop[] {
  return streams.flatMap((stream) => [
    historyDrop(stream, retention.rawMs, nowMs),
    ledgerDrop(stream, nowMs),
  ]);
}
