import {
  type DimensionFilter,
  formatDuration,
  LIMITS,
  nearest,
  type RollupSpec,
  type Site,
  type TierSpec,
  WeirError,
  type Where,
  type WindowSpec,
} from '../contract/index.ts';

/** From names to places: which group-by and which tier answer a question, or the fault that says why none does. */
export interface Plan {
  rollup: RollupSpec;
  groupBy: number;
  /** Place of each `by` field in the group-by. */
  dims: number[];
  where: DimensionFilter[];
  tier: number;
  stepMs: number;
}

/** A chart is as wide as a screen: more buckets than this are not told apart. */
const AUTO_BUCKETS = 500;

export function rollupNamed(site: Site, name: string): RollupSpec {
  const rollup = site.rollups.find((one) => one.name === name);
  if (rollup) return rollup;
  throw notFound(
    'rollup',
    name,
    site.rollups.map((one) => one.name),
  );
}

export function notFound(kind: string, name: string, known: string[]): WeirError {
  const suggestion = nearest(name, known);
  const more =
    suggestion === null
      ? { field: kind }
      : { field: kind, suggestion: `Did you mean ${JSON.stringify(suggestion)}?` };
  return new WeirError(
    'WEIR_NOT_FOUND',
    `there is no ${kind} ${JSON.stringify(name)}; there are ${known.join(', ') || 'none'}`,
    more,
  );
}

/** The group-by with the fewest fields that keeps every field asked for: the fewest groups to read. */
export function chooseGroupBy(
  rollup: RollupSpec,
  by: string[],
  where: Where,
): { groupBy: number; dims: number[]; where: DimensionFilter[] } {
  const needed = [...new Set([...by, ...Object.keys(where)])];
  let best = -1;
  rollup.groupBys.forEach((fields, at) => {
    if (!needed.every((field) => fields.includes(field))) return;
    if (best < 0 || fields.length < rollup.groupBys[best].length) best = at;
  });
  if (best < 0) throw notKept(rollup, needed);
  const fields = rollup.groupBys[best];
  return {
    groupBy: best,
    dims: by.map((field) => fields.indexOf(field)),
    where: Object.entries(where).map(([field, values]) => ({ dim: fields.indexOf(field), values })),
  };
}

function notKept(rollup: RollupSpec, needed: string[]): WeirError {
  const kept = rollup.groupBys.map((fields) => `[${fields.join(', ')}]`).join(' ');
  const missing =
    needed.find((field) => !rollup.groupBys.some((fields) => fields.includes(field))) ?? needed[0];
  return new WeirError(
    'WEIR_NOT_KEPT',
    `rollup ${rollup.name} keeps ${kept}, not [${needed.join(', ')}]; ask the readings at /api/v1/streams/${rollup.stream}/events`,
    { field: missing },
  );
}

/** The finest tier that still covers `from` and divides the step; what does not fit is coarsened, and stated. */
export function chooseTier(
  rollup: RollupSpec,
  from: number,
  to: number,
  step: number | 'auto',
  now: number,
): { tier: number; stepMs: number } {
  if (rollup.window !== undefined) return windowTier(rollup, rollup.window, step);
  const covering = rollup.tiers.findIndex((tier) => from >= now - tier.keepMs - tier.widthMs);
  const finest = covering < 0 ? rollup.tiers.length - 1 : covering;
  return step === 'auto' ? autoTier(rollup.tiers, finest, to - from) : fixedTier(rollup.tiers, finest, step);
}

/** Windows have their own step, and are made of the coarsest tier that divides it: that is kept the longest. */
export function windowTier(
  rollup: RollupSpec,
  { everyMs }: WindowSpec,
  step: number | 'auto',
): { tier: number; stepMs: number } {
  if (step !== 'auto' && step !== everyMs)
    throw new WeirError(
      'WEIR_BAD_QUESTION',
      `the windows of ${rollup.name} slide by ${formatDuration(everyMs)}, and have no other step`,
      { field: 'step', suggestion: `Leave step out, or write ${formatDuration(everyMs)}.` },
    );
  return { tier: rollup.tiers.findLastIndex((tier) => everyMs % tier.widthMs === 0), stepMs: everyMs };
}

function autoTier(tiers: TierSpec[], finest: number, spanMs: number): { tier: number; stepMs: number } {
  let tier = finest;
  while (tier < tiers.length - 1 && spanMs / tiers[tier].widthMs > AUTO_BUCKETS) tier++;
  // Between two tiers a multiple of the finer one draws more than the coarser: 12 h are 2 m buckets, not 15 m ones.
  const before = tier > finest ? tiers[tier - 1].widthMs : tiers[tier].widthMs;
  const multiple = Math.ceil(spanMs / AUTO_BUCKETS / before);
  if (
    tier > finest &&
    multiple * before < tiers[tier].widthMs / 2 &&
    tiers[tier].widthMs % (multiple * before) === 0
  )
    return { tier: tier - 1, stepMs: multiple * before };
  const factor = Math.max(1, Math.ceil(spanMs / AUTO_BUCKETS / tiers[tier].widthMs));
  return { tier, stepMs: factor * tiers[tier].widthMs };
}

function fixedTier(tiers: TierSpec[], finest: number, step: number): { tier: number; stepMs: number } {
  let tier = -1;
  for (let at = finest; at < tiers.length; at++) if (step % tiers[at].widthMs === 0) tier = at;
  if (tier >= 0) return { tier, stepMs: step };
  const width = tiers[finest].widthMs;
  return { tier: finest, stepMs: Math.max(1, Math.ceil(step / width)) * width };
}

export function checkRange(from: number, to: number): void {
  if (!(from < to)) throw new WeirError('WEIR_BAD_QUESTION', '`from` must be before `to`', { field: 'from' });
}

export function checkCells(spanMs: number, stepMs: number, series: number, measures: number): void {
  const cells = (spanMs / stepMs) * series * measures;
  if (cells <= LIMITS.answerCells) return;
  throw new WeirError(
    'WEIR_TOO_MUCH',
    `up to ${Math.ceil(cells)} values are more than the ${LIMITS.answerCells} of one answer; shorten the range, widen the step or lower the limit`,
    { field: 'step' },
  );
}
