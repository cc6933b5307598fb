import { beats } from '../utility/beats.ts';
import { packs } from '../utility/messages.ts';
import type { Figures } from './bench.ts';
import { benchJson, workload } from './workload.ts';

/** Its name among the servers. */
export const YARDSTICK = 'JSON.parse';

/** What DESIGN's figures in seconds were measured beside: parsing alone, in seconds of a processor a million readings. */
const REFERENCE_S = 0.21;
const METERS = 10_000;
const PACK = 100;
const ROUNDS = 4;

/**
 * What a budget in seconds comes to on any machine: so many times what `JSON.parse` alone takes for the same packs in
 * the same run. Processors of one name differed threefold from day to day; this moves with them.
 */
export function timesParsing(budgetSeconds: number): number {
  return budgetSeconds / REFERENCE_S;
}

/** Parses packs of the benchmarks' readings and does nothing else. */
export function yardstick(): Figures {
  const { world, main } = workload(METERS, METERS, METERS);
  const payloads = [...packs(world, beats(world, main.from, main.to), PACK, benchJson)].map(({ payload }) =>
    Buffer.from(payload),
  );
  parseAll(payloads);
  const before = process.cpuUsage();
  let readings = 0;
  for (let round = 0; round < ROUNDS; round++) readings += parseAll(payloads);
  const { user, system } = process.cpuUsage(before);
  return { cpuSPerMillion: (user + system) / readings };
}

function parseAll(payloads: Buffer[]): number {
  let readings = 0;
  for (const payload of payloads) readings += (JSON.parse(payload.toString('latin1')) as unknown[]).length;
  return readings;
}
