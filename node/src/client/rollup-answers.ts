import {
  type FinishPlan,
  finishBuckets,
  finishSeries,
  type LiveChange,
  layoutOf,
  type MeasureSpec,
  mergeChunkBytes,
  type RollupAnswer,
  type RollupQuestion,
  type RollupSpec,
  type Series,
  type ShardParts,
  type ShardTopAnswer,
  type Site,
  type StreamSpec,
  stepBoundaries,
  type TopAnswer,
  type TopQuestion,
  WeirError,
  type WindowSpec,
  windowLead,
  withOperands,
} from '../contract/index.ts';
import { gatherGroups, labels } from './group-parts.ts';
import { checkCells, checkRange, chooseGroupBy, chooseTier, type Plan, rollupNamed } from './plan.ts';
import { type ShardLines, shardsOfKeys } from './shard-lines.ts';

/** Rollup questions: planned, asked of the shards, merged, finished. */

/** Groups that one shard may answer when they are merged into fewer series afterwards. */
const MAX_MERGED_GROUPS = 100_000;

export function planRollup(
  site: Site,
  question: Omit<RollupQuestion, 'limit' | 'measures'>,
  now: number,
): Plan {
  checkRange(question.from, question.to);
  const rollup = rollupNamed(site, question.rollup);
  return {
    rollup,
    ...chooseGroupBy(rollup, question.by, question.where),
    ...chooseTier(rollup, question.from, question.to, question.step, now),
  };
}

export function streamOf(site: Site, rollup: RollupSpec): StreamSpec {
  const stream = site.streams.find((one) => one.name === rollup.stream);
  if (!stream) throw new Error(`rollup ${rollup.name} is of no stream`);
  return stream;
}

export function measuresNamed(rollup: RollupSpec, names: string[]): MeasureSpec[] {
  if (names.length === 0) return rollup.measures;
  return names.map((name) => {
    const found = rollup.measures.find((one) => one.name === name);
    if (!found)
      throw new WeirError('WEIR_NOT_FOUND', `rollup ${rollup.name} has no measure ${name}`, {
        field: 'measures',
      });
    return found;
  });
}

function finishPlan(
  site: Site,
  plan: Plan,
  measures: MeasureSpec[],
  range: { from: number; to: number },
  watermark: number | null,
  more: { quality?: boolean; periods?: boolean } = {},
): FinishPlan {
  const stream = streamOf(site, plan.rollup);
  return {
    layout: layoutOf(plan.rollup, plan.groupBy, stream),
    measures,
    steps: stepBoundaries(site.timezone, plan.rollup.tiers[plan.tier].widthMs, plan.stepMs),
    ...(plan.rollup.window !== undefined && { window: windowSteps(plan.rollup.window) }),
    from: range.from,
    to: range.to,
    watermark,
    latenessMs: stream.latenessMs,
    intervalMs: stream.intervalMs ?? null,
    ...more,
  };
}

const windowSteps = ({ overMs, everyMs }: WindowSpec): number => overMs / everyMs;

async function read(
  lines: ShardLines,
  site: Site,
  plan: Plan,
  measures: MeasureSpec[],
  range: { from: number; to: number },
  limit: number,
  quality: boolean,
  signal?: AbortSignal,
) {
  const { rollup, groupBy, tier, where } = plan;
  const alone = standsAlone(site, plan);
  const maxGroups = alone ? limit + 1 : MAX_MERGED_GROUPS;
  const widest = stepBoundaries(site.timezone, rollup.tiers[tier].widthMs, plan.stepMs);
  const asked = {
    rollup: rollup.name,
    groupBy,
    tier,
    where,
    maxGroups,
    // Only an increase reaches into the buckets beside the range, and a cost is held against it.
    edges:
      quality || withOperands(measures).some(({ fn }) => fn === 'increase' || fn === 'rate' || fn === 'cost'),
    from: rollup.window
      ? windowLead(widest, windowSteps(rollup.window), range.from)
      : widest.start(range.from),
    to: range.to,
  };
  const all = await lines.ask<ShardParts>('read', asked, keyShards(site, plan), signal);
  if (!alone) assertWhole(plan, all);
  const marks = all.map((parts) => parts.watermark).filter((mark) => mark !== null);
  return { all, watermark: marks.length === 0 ? null : Math.min(...marks) };
}

/** Whether a group has one part only: then a shard may leave groups out, and none comes out too small. */
function standsAlone(site: Site, plan: Plan): boolean {
  const fields = plan.rollup.groupBys[plan.groupBy];
  return plan.dims.length === fields.length && fields.includes(streamOf(site, plan.rollup).keyField);
}

/** A sum of parts is answered only when no part was left out. */
function assertWhole(plan: Plan, all: ShardParts[]): void {
  if (!all.some((parts) => parts.truncated)) return;
  throw new WeirError(
    'WEIR_TOO_MUCH',
    `More than ${MAX_MERGED_GROUPS} groups of ${plan.rollup.name} would have to be put together; filter with where.`,
    { field: 'by' },
  );
}

/** A filter on the key, or a question for the key alone, needs the key's shard only. */
function keyShards(site: Site, plan: Plan): number[] | null {
  const at = plan.rollup.groupBys[plan.groupBy].indexOf(streamOf(site, plan.rollup).keyField);
  const filter = plan.where.find((one) => one.dim === at);
  return filter ? shardsOfKeys(filter.values) : null;
}

export async function answerRollup(
  lines: ShardLines,
  site: Site,
  question: RollupQuestion,
  now: number,
  signal?: AbortSignal,
): Promise<RollupAnswer> {
  const plan = planRollup(site, question, now);
  const measures = measuresNamed(plan.rollup, question.measures);
  const single =
    question.by.length === 0 ||
    plan.where.some((one) => plan.dims.includes(one.dim) && one.values.length === 1);
  checkCells(question.to - question.from, plan.stepMs, single ? 1 : question.limit, measures.length);
  const { all, watermark } = await read(
    lines,
    site,
    plan,
    measures,
    question,
    question.limit,
    question.quality === true,
    signal,
  );
  const groups = [...gatherGroups(all, plan.dims).values()];
  const { quality, periods } = question;
  const finish = finishPlan(site, plan, measures, question, watermark, { quality, periods });
  const series: Series[] = groups
    .slice(0, question.limit)
    .map((group) => ({ by: labels(question.by, group.dims), ...finishSeries(finish, group.chunks) }));
  return {
    rollup: plan.rollup.name,
    tier: plan.rollup.tiers[plan.tier].name,
    step: plan.stepMs,
    ...(plan.rollup.window && { over: plan.rollup.window.overMs }),
    from: question.from,
    to: question.to,
    timezone: site.timezone,
    watermark,
    measures: describe(site, plan.rollup, measures),
    series: series.filter((one) => one.time.length > 0),
    truncated: groups.length > question.limit || all.some((parts) => parts.truncated),
  };
}

function describe(site: Site, rollup: RollupSpec, measures: MeasureSpec[]): RollupAnswer['measures'] {
  const fields = streamOf(site, rollup).fields;
  return Object.fromEntries(
    measures.map(({ name, unit, fn, field }) => [
      name,
      { unit, fn, decimals: shownDecimals(fn, fields.find((one) => one.name === field)?.decimals ?? 0) },
    ]),
  );
}

/** Digits after the point that are worth showing. */
const EXPRESSION_DECIMALS = 6;
/** A minute of one household costs less than a cent. */
const COST_DECIMALS = 4;

function shownDecimals(fn: MeasureSpec['fn'], ofField: number): number {
  if (fn === 'distinct') return 0;
  if (fn === 'cost') return COST_DECIMALS;
  return fn === 'expression' ? EXPRESSION_DECIMALS : ofField;
}

export async function answerTop(
  lines: ShardLines,
  site: Site,
  question: TopQuestion,
  now: number,
  signal?: AbortSignal,
): Promise<TopAnswer> {
  checkRange(question.from, question.to);
  const rollup = rollupNamed(site, question.rollup);
  const by =
    question.by.length > 0 ? question.by : (rollup.groupBys.find((fields) => fields.length > 0) ?? []);
  const [measure] = measuresNamed(rollup, [question.measure]);
  if (measure.fn === 'top') return answerList(lines, site, question, rollup, measure, now, signal);
  const plan = { ...planWhole(rollup, by, question, now), stepMs: question.to - question.from };
  const asked = {
    rollup: rollup.name,
    groupBy: plan.groupBy,
    tier: plan.tier,
    measure: measure.name,
    k: question.k,
    where: plan.where,
    from: question.from,
    to: question.to,
  };
  const answers = await lines.ask<ShardTopAnswer>('top', asked, keyShards(site, plan), signal);
  const rows = answers.flatMap(({ ranked }) =>
    ranked.map(({ group, value }) => ({
      by: labels(
        by,
        plan.dims.map((dim) => group[dim]),
      ),
      value,
    })),
  );
  const parts = answers.map((answer) => answer.parts).filter((one) => one !== null);
  assertWhole(plan, parts);
  const whole = finishWhole(site, plan, measure, question);
  for (const group of gatherGroups(parts, plan.dims).values()) {
    const value = finishBuckets(
      { ...whole, from: question.from },
      mergeChunkBytes(whole.layout, group.chunks),
    ).values[measure.name][0];
    if (value !== null && value !== undefined) rows.push({ by: labels(by, group.dims), value });
  }
  rows.sort((a, b) => b.value - a.value);
  const ranked = rows.slice(0, question.k).map((row, at) => ({ rank: at + 1, ...row }));
  return {
    rollup: rollup.name,
    measure: measure.name,
    unit: measure.unit,
    from: question.from,
    to: question.to,
    rows: ranked,
  };
}

/** Buckets of which one is made, over the whole range: whole ones of the tier at its ends. The range is the window. */
function planWhole(rollup: RollupSpec, by: string[], question: TopQuestion, now: number): Plan {
  const buckets: RollupSpec = { ...rollup, window: undefined };
  return {
    rollup: buckets,
    ...chooseGroupBy(rollup, by, question.where),
    ...chooseTier(buckets, question.from, question.to, 'auto', now),
  };
}

function finishWhole(site: Site, plan: Plan, measure: MeasureSpec, question: TopQuestion): FinishPlan {
  return {
    ...finishPlan(site, plan, [measure], question, null),
    steps: { start: () => question.from, end: () => question.to },
  };
}

/** A measure that is a list ranks by itself: the texts of its field, over the whole range. */
async function answerList(
  lines: ShardLines,
  site: Site,
  question: TopQuestion,
  rollup: RollupSpec,
  measure: MeasureSpec,
  now: number,
  signal?: AbortSignal,
): Promise<TopAnswer> {
  const field = measure.field ?? '';
  if (question.by.length > 0)
    throw new WeirError('WEIR_BAD_QUESTION', `${measure.name} ranks ${field}, and takes no other group`, {
      field: 'by',
      suggestion: 'Leave by out; filter with where.',
    });
  const plan = planWhole(rollup, [], question, now);
  plan.stepMs = rollup.tiers[plan.tier].widthMs;
  const { all } = await read(lines, site, plan, [measure], question, MAX_MERGED_GROUPS, false, signal);
  const whole = finishWhole(site, plan, measure, question);
  const chunks = [...gatherGroups(all, []).values()].flatMap((group) => group.chunks);
  const [list = []] = finishSeries(whole, chunks).lists?.[measure.name] ?? [];
  return {
    rollup: rollup.name,
    measure: measure.name,
    unit: measure.unit,
    from: question.from,
    to: question.to,
    rows: list
      .slice(0, question.k)
      .map(({ value, count, error }, at) => ({ rank: at + 1, by: { [field]: value }, value: count, error })),
  };
}

/** Series of one change that a viewer is sent; more than this nobody watches at once. */
const LIVE_SERIES = 100;

export async function answerChange(
  lines: ShardLines,
  site: Site,
  plan: Plan,
  by: string[],
  measures: MeasureSpec[],
  range: { from: number; to: number },
  quality = false,
): Promise<LiveChange> {
  const { all, watermark } = await read(lines, site, plan, measures, range, LIVE_SERIES, quality);
  const finish = finishPlan(site, plan, measures, range, watermark, { quality });
  const series = [...gatherGroups(all, plan.dims).values()].slice(0, LIVE_SERIES).map((group) => ({
    by: labels(by, group.dims),
    ...finishSeries(finish, group.chunks),
  }));
  return {
    rollup: plan.rollup.name,
    tier: plan.rollup.tiers[plan.tier].name,
    step: plan.stepMs,
    watermark,
    series,
  };
}
