import type { RollupAnswer } from '@weir/node/contract';
import { useEffect } from 'preact/hooks';
import { rollupPath } from '../api/paths.ts';
import { formatMoney, formatValue, withUnit } from '../format/number.ts';
import { FaultNote } from '../parts/fault-note.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { costsOf, type RangeCost } from '../state/costs.ts';
import { polled } from '../state/poll.ts';
import { asSpan } from '../state/range.ts';
import { costMeasure, type Selection } from '../state/selection.ts';

const EVERY_MS = 15_000;
const costs = polled<RollupAnswer>(EVERY_MS);

/** What the range of the chart costs, and in which periods of the tariff. */
export function CostPanel({ selected }: { selected: Selection }) {
  const measure = costMeasure(selected);
  const path = measure === null ? null : pathOf(selected, measure.name);
  useEffect(() => {
    if (path === null) return;
    // What another range cost is nobody's answer.
    costs.answer.value = null;
    return costs.start(path);
  }, [path]);
  if (measure === null) return null;
  const answer = costs.answer.value;
  const cost = answer === null ? null : costsOf(answer, measure.name);
  return (
    <section class="card cost-panel" aria-labelledby="cost-title">
      <div class="card-head">
        <h2 id="cost-title">Cost</h2>
        {cost === null ? null : <Total cost={cost} currency={measure.unit} />}
      </div>
      {costs.fault.value ? <FaultNote fault={costs.fault.value} /> : null}
      {cost === null ? (
        <Skeleton kind="line" />
      ) : (
        <Periods cost={cost} selected={selected} measure={measure} />
      )}
    </section>
  );
}

function pathOf({ rollup, filter, range }: Selection, measure: string): string {
  return rollupPath(rollup.name, {
    ...asSpan(range),
    measure,
    by: [],
    where: filter ? { [filter.field]: [filter.value] } : {},
    periods: true,
    quality: true,
  });
}

function Total({ cost, currency }: { cost: RangeCost; currency: string }) {
  return (
    <p class="cost-total num" title={cost.estimated > 0 ? 'A part of it is estimated.' : undefined}>
      {cost.total === null ? 'no price' : formatMoney(cost.total, currency)}
    </p>
  );
}

function Periods({
  cost,
  selected,
  measure,
}: {
  cost: RangeCost;
  selected: Selection;
  measure: { field: string | null; unit: string };
}) {
  const unit = selected.rollup.measures.find(
    (one) => one.fn === 'increase' && one.field === measure.field,
  )?.unit;
  const largest = Math.max(0, ...cost.periods.map((one) => one.amount));
  return (
    <>
      <ul class="cost-periods">
        {cost.periods.map((one) => (
          <li key={one.period}>
            <bdi class="cost-name">{one.period}</bdi>
            <span class="cost-amount num">{withUnit(formatValue(one.amount, 3), unit ?? '')}</span>
            <span class="cost-cost num">
              {one.cost === null ? 'no price' : formatMoney(one.cost, measure.unit)}
            </span>
            <span
              class="cost-bar"
              style={{ transform: `scaleX(${largest > 0 ? (one.amount / largest).toFixed(4) : 0})` }}
              aria-hidden="true"
            />
          </li>
        ))}
      </ul>
      {cost.unpriced > 0 ? (
        <p class="hint">A part of the range has no price in the tariff, and is not in the sum.</p>
      ) : null}
      {cost.estimated >= 0.005 ? (
        <p class="hint">
          {Math.round(cost.estimated * 100)} % of it is estimated, over gaps without readings.
        </p>
      ) : null}
    </>
  );
}
