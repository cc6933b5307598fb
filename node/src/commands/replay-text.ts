import type { Replay, TierDifference } from '../contract/index.ts';
import { plain, table } from './table.ts';

/** Replays in words: a line each, or one with what it found. */

export function replaysText(replays: Replay[]): string {
  if (replays.length === 0) return 'There were no replays.\n';
  return table(
    ['id', 'rollups', 'why', 'state', 'begun', 'readings', 'differences'],
    replays.map((one) => [
      one.id,
      one.rollups.join(','),
      one.reason,
      one.state,
      new Date(one.startedAt).toISOString(),
      one.readings,
      one.differences,
    ]),
  );
}

export function replayText(replay: Replay): string {
  const { from, to, state, fault } = replay;
  const span = `${from === null ? 'the beginning' : new Date(from).toISOString()} to ${to === null ? 'the end' : new Date(to).toISOString()}`;
  const lines = [
    `replay ${replay.id} of ${replay.rollups.join(', ')}: ${state}${fault === null ? '' : `: ${fault}`}`,
    `${replay.readings} readings, ${span}`,
  ];
  if (replay.archive !== undefined) lines.push(`archive: ${replay.archive}`);
  if (replay.tiers.length > 0) lines.push('', tiersText(replay.tiers));
  const named = replay.tiers.filter((tier) => tier.largest.length > 0).flatMap(largestLines);
  if (named.length > 0) lines.push('The largest differences, made anew less stored:', ...named);
  if (state === 'ready')
    lines.push(
      replay.differences === 0
        ? 'Nothing differs.'
        : `${replay.differences} buckets differ. To correct them: weir replay apply ${replay.id}`,
    );
  return `${lines.join('\n')}\n`;
}

function tiersText(tiers: TierDifference[]): string {
  return table(
    ['rollup', 'by', 'tier', 'equal', 'changed', 'added', 'removed'],
    tiers.map((one) => [
      one.rollup,
      `[${one.by.join(', ')}]`,
      one.tier,
      one.equal,
      one.changed,
      one.added,
      one.removed,
    ]),
  );
}

const NAMED = 3;

function largestLines({ rollup, tier, largest }: TierDifference): string[] {
  return largest.slice(0, NAMED).map(({ by, buckets, measure, difference }) => {
    const group = Object.entries(by).map(([field, value]) => plain(`${field}=${value ?? 'null'}`));
    const sum = difference === null ? '' : `, ${measure} ${difference > 0 ? '+' : ''}${difference}`;
    return `  ${rollup} ${tier} ${group.join(' ') || 'all'}: ${buckets} buckets${sum}`;
  });
}
