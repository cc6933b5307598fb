import type { Site, StreamSpec } from '../contract/index.ts';
import {
  chunkSpanMs,
  HISTORY_SPAN_MS,
  LEDGER_KEEP_MS,
  LEDGER_SPAN_MS,
  periodOf,
  TABLES,
} from '../contract/measures/tables.ts';

/** Periods of a table that end before anything that is still kept. */
export interface TableDrop {
  table: string;
  beforePeriod: number;
}

type RollupsOf = Pick<Site, 'rollups'>;

export function tierDrops(site: RollupsOf, nowMs: number): TableDrop[] {
  const drops: TableDrop[] = [];
  for (const rollup of site.rollups)
    for (const tier of rollup.tiers) {
      // A bucket is kept until its end is past; local days and months are longer than their nominal width.
      const beforePeriod = periodOf(nowMs - tier.keepMs - 2 * tier.widthMs, chunkSpanMs(tier.widthMs));
      for (const by of rollup.groupBys)
        drops.push({ table: TABLES.buckets(rollup.name, by, tier.name), beforePeriod });
    }
  return drops;
}

/** History lets duplicates be told while raw is kept, by event time: a reading may be as late as its lateness. */
export function historyDrop(stream: StreamSpec, rawMs: number, nowMs: number): TableDrop {
  const keepMs = rawMs + stream.latenessMs + HISTORY_SPAN_MS;
  return { table: TABLES.history(stream.name), beforePeriod: periodOf(nowMs - keepMs, HISTORY_SPAN_MS) };
}

export function ledgerDrop(stream: StreamSpec, nowMs: number): TableDrop {
  return {
    table: TABLES.ledger(stream.name),
    beforePeriod: periodOf(nowMs - LEDGER_KEEP_MS, LEDGER_SPAN_MS),
  };
}
