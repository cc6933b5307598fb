import type { PartsAnswer } from '@weir/node/contract';
import { useEffect } from 'preact/hooks';
import { partsPath } from '../api/paths.ts';
import { formatMoney, formatValue, withUnit } from '../format/number.ts';
import { FaultNote } from '../parts/fault-note.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { polled } from '../state/poll.ts';
import { asSpan } from '../state/range.ts';
import type { Measure, Selection } from '../state/selection.ts';
import { partsMeasure, type Whole, wholesOf } from '../state/wholes.ts';

const EVERY_MS = 15_000;
const wholes = polled<PartsAnswer>(EVERY_MS);

/** Meters against those behind them: what is left is lost, or has no meter. */
export function PartsPanel({ selected }: { selected: Selection }) {
  const measure = partsMeasure(selected);
  const path =
    measure === null ? null : partsPath(selected.rollup.name, asSpan(selected.range), measure.name);
  useEffect(() => {
    if (path === null) return;
    // What another range counted is nobody's answer.
    wholes.answer.value = null;
    return wholes.start(path);
  }, [path]);
  if (measure === null) return null;
  const answer = wholes.answer.value;
  return (
    <section class="card parts-panel" aria-labelledby="parts-title">
      <div class="card-head">
        <h2 id="parts-title">Behind each meter</h2>
      </div>
      {wholes.fault.value ? <FaultNote fault={wholes.fault.value} /> : null}
      {answer === null ? (
        <Skeleton kind="line" />
      ) : (
        <ul class="parts-list">
          {wholesOf(answer, measure.name).map((one) => (
            <Parent key={one.parent} one={one} measure={measure} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Parent({ one, measure }: { one: Whole; measure: Measure }) {
  const told = (value: number) =>
    measure.fn === 'cost' ? formatMoney(value, measure.unit) : withUnit(formatValue(value, 3), measure.unit);
  const share = one.whole > 0 ? Math.min(1, Math.max(0, one.parts.sum / one.whole)) : 0;
  return (
    <li>
      <bdi class="parts-name">{one.parent}</bdi>
      <span class="cost-cost num">{told(one.whole)}</span>
      <bdi class="parts-name parts-names">{one.parts.names.join(', ')}</bdi>
      <span class="cost-amount num">{told(one.parts.sum)}</span>
      <span class="parts-names">difference</span>
      <span class="cost-cost num">{told(one.difference)}</span>
      <span class="cost-bar" style={{ transform: `scaleX(${share.toFixed(4)})` }} aria-hidden="true" />
      {one.missing.length > 0 ? (
        <p class="hint">
          Too large: silent for a part of the range: <bdi>{one.missing.join(', ')}</bdi>.
        </p>
      ) : null}
    </li>
  );
}
