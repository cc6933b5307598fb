import type { TariffPrice } from '../site/model.ts';
import { clockOf, type TariffClock } from '../tariff/tariff-clock.ts';
import type { Buckets } from './buckets.ts';
import type { FinishPlan } from './finish-plan.ts';
import { type Accumulator, findAccumulator, type Layout, withOperands } from './layout.ts';
import { eachPortion } from './portions.ts';
import { slideAmounts, windowLead } from './slide.ts';

/** What was counted in one period while one price held, by the start of the step. */
export interface PricedAmounts {
  period: string;
  /** Null: there is none. */
  price: TariffPrice | null;
  byStep: Map<number, number>;
}

/** By the field. */
export type Portions = Map<string, PricedAmounts[]>;

/** Of the fields whose cost is asked for. Prices are those of the bucket as it is stored, before it is put into steps. */
export function portionsByStep(plan: FinishPlan, fine: Buckets): Portions {
  const portions: Portions = new Map();
  for (const { fn, field } of withOperands(plan.measures)) {
    if (fn !== 'cost' || field === null || portions.has(field)) continue;
    const found = findAccumulator(plan.layout, 'portions', field);
    portions.set(
      field,
      found?.tariff === undefined ? [] : amountsOf(plan, fine, found, clockOf(found.tariff)),
    );
  }
  return portions;
}

function amountsOf(
  plan: FinishPlan,
  fine: Buckets,
  { sketch }: Accumulator,
  clock: TariffClock,
): PricedAmounts[] {
  const known = new Map<number, PricedAmounts>();
  const { periods, prices } = clock.spec;
  const count = plan.window ?? 1;
  const from = count === 1 ? plan.steps.start(plan.from) : windowLead(plan.steps, count, plan.from);
  for (let at = 0; at < fine.n; at++) {
    const start = fine.starts[at];
    const bytes = fine.sketches[sketch][at];
    if (bytes === null || start < from || start >= plan.to) continue;
    const list = clock.listAt(start);
    const step = plan.steps.start(start);
    eachPortion(bytes, (code, amount) => {
      const key = code * (prices.length + 1) + list + 1;
      let one = known.get(key);
      if (one === undefined) {
        // A period that the tariff does not have any more has no price, but its amounts are there.
        const period = periods.find((each) => each.code === code)?.name ?? FORMER;
        one = { period, price: clock.price(list, period), byStep: new Map() };
        known.set(key, one);
      }
      one.byStep.set(step, (one.byStep.get(step) ?? 0) + amount);
    });
  }
  const all = [...known.values()];
  if (count > 1)
    for (const one of all) one.byStep = slideAmounts(one.byStep, plan.steps, count, plan.from, plan.to);
  return all;
}

/** No name of a site file has a blank. */
const FORMER = 'former periods';

/**
 * What was counted costs amount × price, summed as whole numbers. Null where a part of it has no price, or where nothing
 * was kept by period although something was counted.
 */
export function costFinisher(
  layout: Layout,
  field: string,
  portions: Portions,
  increase: (at: number) => number | null,
  starts: Float64Array,
): (at: number) => number | null {
  const amounts = portions.get(field) ?? [];
  const decimals = findAccumulator(layout, 'portions', field)?.decimals ?? 0;
  const places = placesOf(amounts);
  return (at) => {
    let total = 0n;
    let kept = false;
    for (const { price, byStep } of amounts) {
      const amount = byStep.get(starts[at]);
      if (amount === undefined) continue;
      kept = true;
      if (amount === 0) continue;
      if (price === null) return null;
      total += costOf(amount, price, places);
    }
    if (!kept) return increase(at) === 0 ? 0 : null;
    return Number(total) / 10 ** (decimals + places);
  };
}

const placesOf = (amounts: PricedAmounts[]): number =>
  Math.max(0, ...amounts.map(({ price }) => price?.places ?? 0));

const costOf = (amount: number, { digits, places }: TariffPrice, common: number): bigint =>
  BigInt(amount) * BigInt(digits) * 10n ** BigInt(common - places);

/** A cost, and what it is the cost of, period by period. */
export interface PeriodColumns {
  amount: number[];
  cost: (number | null)[];
}

/** By the name of the period, in the order of the tariff; those in which nothing was counted are left out. */
export function periodColumns(
  layout: Layout,
  field: string,
  portions: Portions,
  steps: Buckets,
): Record<string, PeriodColumns> {
  const found = findAccumulator(layout, 'portions', field);
  const amounts = portions.get(field) ?? [];
  const columns: Record<string, PeriodColumns> = {};
  if (found === null) return columns;
  const scale = 10 ** found.decimals;
  const order = [...(found.tariff?.periods.map(({ name }) => name) ?? []), FORMER];
  for (const period of order) {
    const own = amounts.filter((one) => one.period === period);
    if (own.length === 0) continue;
    const only: Portions = new Map([[field, own]]);
    const cost = costFinisher(layout, field, only, () => 0, steps.starts);
    const column: PeriodColumns = { amount: [], cost: [] };
    for (let at = 0; at < steps.n; at++) {
      const sum = own.reduce((total, { byStep }) => total + (byStep.get(steps.starts[at]) ?? 0), 0);
      column.amount.push(sum / scale);
      column.cost.push(cost(at));
    }
    columns[period] = column;
  }
  return columns;
}
