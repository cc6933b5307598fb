import type { LedgerAnswer, RollupAnswer } from '@weir/node/contract';
import type { Group, Oracle, Verdict } from './oracle.ts';
import { MINUTE_MS } from './readings.ts';

/** Answers a path of the HTTP interface with the body of a 200. */
export interface Asked {
  json<T>(path: string): Promise<T>;
}

const ASKED: { group: Group; step: string }[] = [
  { group: 'meter', step: '1m' },
  { group: 'meter', step: '1h' },
  { group: 'state', step: '15m' },
  { group: 'all', step: '1m' },
  { group: 'all', step: '1h' },
];

export function rollupPath(oracle: Oracle, group: Group, step: string): string {
  const search = new URLSearchParams({
    from: String(Math.floor(oracle.fromMs / MINUTE_MS) * MINUTE_MS),
    to: String(Math.floor(oracle.toMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS),
    step,
    limit: '1000',
    ...(group === 'all' ? {} : { by: group }),
  });
  return `/api/v1/rollups/usage?${search}`;
}

/** Holds the appliance's answers, at several group-bys and tiers, and its ledger against the oracle. */
export async function verify(appliance: Asked, oracle: Oracle): Promise<Verdict> {
  const all: Verdict = { lost: 0, twice: 0, wrong: [] };
  for (const { group, step } of ASKED) {
    const answer = await appliance.json<RollupAnswer>(rollupPath(oracle, group, step));
    const verdict = oracle.check(answer, group);
    all.lost = Math.max(all.lost, verdict.lost);
    all.twice = Math.max(all.twice, verdict.twice);
    all.wrong.push(...verdict.wrong.map((wrong) => `${step} by ${wrong}`));
  }
  const ledger = await appliance.json<LedgerAnswer>('/api/v1/ledger?stream=electricity');
  all.wrong.push(...oracle.checkLedger(ledger));
  if (oracle.maybe().length === 0) all.wrong.push(...(await wrongIncreases(appliance, oracle)));
  return all;
}

/** The buckets of a register add up to last less first, whatever came between. */
async function wrongIncreases(appliance: Asked, oracle: Oracle): Promise<string[]> {
  const answer = await appliance.json<RollupAnswer>(rollupPath(oracle, 'meter', '1m'));
  const wrong: string[] = [];
  for (const [meter, must] of oracle.increases()) {
    const series = answer.series.find((one) => one.by.meter === meter);
    const is = (series?.values.kwh ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
    if (Math.abs(is * 1000 - must) > 0.5)
      wrong.push(`the register of ${meter} grew by ${must / 1000}, served ${is}`);
  }
  return wrong.slice(0, 5);
}
