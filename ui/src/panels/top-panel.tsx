import { useSignal } from '@preact/signals';
import type { TopAnswer } from '@weir/node/contract';
import { useEffect } from 'preact/hooks';
import { topPath } from '../api/paths.ts';
import { formatValue, withUnit } from '../format/number.ts';
import { Choice } from '../parts/choice.tsx';
import { FaultNote } from '../parts/fault-note.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { site } from '../state/board.ts';
import { chartTable } from '../state/chart-feed.ts';
import { polled } from '../state/poll.ts';
import { asSpan } from '../state/range.ts';
import { keyFieldOf, type Selection, splittable } from '../state/selection.ts';
import { change } from '../state/view.ts';

const EVERY_MS = 5_000;
const top = polled<TopAnswer>(EVERY_MS);

/** The ten largest over the range of the chart; a click shows one of them alone. */
export function TopPanel({ selected }: { selected: Selection }) {
  const fields = fieldsOf(selected);
  const picked = useSignal<string | null>(null);
  const field = picked.value !== null && fields.includes(picked.value) ? picked.value : fields[0];
  const path = field === undefined ? null : pathOf(selected, field);
  useEffect(() => {
    if (path !== null) return top.start(path);
  }, [path]);
  if (field === undefined) return null;
  return (
    <section class="card top-panel" aria-labelledby="top-title">
      <div class="card-head">
        <h2 id="top-title">The ten largest</h2>
        {fields.length > 1 ? (
          <Choice
            label="Ranked by field"
            value={field}
            options={fields.map((one) => ({ value: one, label: one }))}
            onPick={(one) => {
              picked.value = one;
            }}
          />
        ) : null}
      </div>
      {top.fault.value ? <FaultNote fault={top.fault.value} /> : null}
      {top.answer.value === null ? (
        <Skeleton kind="rows" />
      ) : (
        <Ranking answer={top.answer.value} field={field} selected={selected} />
      )}
    </section>
  );
}

/** Groups before single keys: people know their states, and find the meter afterwards. */
function fieldsOf({ rollup }: Selection): string[] {
  const key = site.value ? keyFieldOf(site.value, rollup) : null;
  return splittable(rollup).sort((a, b) => Number(a === key) - Number(b === key));
}

function pathOf({ rollup, measure, range }: Selection, field: string): string {
  return topPath(rollup.name, { ...asSpan(range), measure: measure.name, by: [field], where: {}, k: 10 });
}

function Ranking({ answer, field, selected }: { answer: TopAnswer; field: string; selected: Selection }) {
  if (answer.rows.length === 0) return <p class="hint">Nothing to rank: no readings in this range.</p>;
  const largest = Math.max(...answer.rows.map((row) => Math.abs(row.value)));
  return (
    <ol class="ranking">
      {answer.rows.map((row) => {
        const value = row.by[field];
        return (
          <Rank
            key={`${row.rank}`}
            rank={row.rank}
            name={value}
            field={field}
            text={withUnit(formatValue(row.value, chartTable.value?.decimals), answer.unit)}
            share={largest === 0 ? 0 : Math.abs(row.value) / largest}
            isShown={selected.filter?.field === field && selected.filter.value === value}
          />
        );
      })}
    </ol>
  );
}

function Rank(props: {
  rank: number;
  name: string | null | undefined;
  field: string;
  text: string;
  share: number;
  isShown: boolean;
}) {
  const { name, field, isShown } = props;
  const isNamed = name !== null && name !== undefined;
  const toggle = (): void =>
    change({ by: null, filter: isShown || !isNamed ? null : { field, value: name } });
  return (
    <li>
      <button
        type="button"
        class="rank"
        disabled={!isNamed}
        aria-pressed={isShown}
        title={isNamed ? `${field} ${name}` : undefined}
        onClick={toggle}
      >
        <span class="rank-number">{props.rank}</span>
        <bdi class="rank-name">{isNamed ? name : `no ${field}`}</bdi>
        <span class="rank-value num">{props.text}</span>
        <span
          class="rank-bar"
          style={{ transform: `scaleX(${props.share.toFixed(4)})` }}
          aria-hidden="true"
        />
      </button>
    </li>
  );
}
