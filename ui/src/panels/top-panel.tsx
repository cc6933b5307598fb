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
  const ways = waysOf(selected);
  const picked = useSignal<string | null>(null);
  const way = ways.find((one) => one.value === picked.value) ?? ways[0];
  const path = way === undefined ? null : pathOf(selected, way);
  useEffect(() => {
    if (path !== null) return top.start(path);
  }, [path]);
  if (way === undefined) return null;
  const answer = top.answer.value;
  // Rows of the question before would stand under the wrong heading.
  const fits =
    answer?.measure === (way.list ?? selected.measure.name) && answer.rows.every(({ by }) => way.field in by);
  return (
    <section class="card top-panel" aria-labelledby="top-title">
      <div class="card-head">
        <h2 id="top-title">{way.list ? `Most frequent ${way.field}` : 'The ten largest'}</h2>
        {ways.length > 1 ? (
          <Choice
            label="Ranked by field"
            value={way.value}
            options={ways}
            onPick={(one) => {
              picked.value = one;
            }}
          />
        ) : null}
      </div>
      {top.fault.value ? <FaultNote fault={top.fault.value} /> : null}
      {answer === null || !fits ? (
        <Skeleton kind="rows" />
      ) : (
        <Ranking answer={answer} way={way} selected={selected} />
      )}
    </section>
  );
}

/** Groups by what is charted, or a measure that is a list and ranks by itself. */
interface Way {
  value: string;
  label: string;
  field: string;
  list: string | null;
}

/** Groups before single keys: people know their states, and find the meter afterwards. */
function waysOf({ rollup }: Selection): Way[] {
  const key = site.value ? keyFieldOf(site.value, rollup) : null;
  const fields = splittable(rollup).sort((a, b) => Number(a === key) - Number(b === key));
  const lists = rollup.measures.filter((one) => one.fn === 'top');
  return [
    ...fields.map((field) => ({ value: field, label: field, field, list: null })),
    ...lists.map(({ name, field }) => ({
      value: `${name}()`,
      label: name,
      field: field ?? name,
      list: name,
    })),
  ];
}

function pathOf({ rollup, measure, filter, range }: Selection, { field, list }: Way): string {
  const where: Record<string, string[]> = list !== null && filter ? { [filter.field]: [filter.value] } : {};
  const by = list === null ? [field] : [];
  return topPath(rollup.name, { ...asSpan(range), measure: list ?? measure.name, by, where, k: 10 });
}

function Ranking({ answer, way, selected }: { answer: TopAnswer; way: Way; selected: Selection }) {
  const { field, list } = way;
  const canShow = splittable(selected.rollup).includes(field);
  const decimals = list === null ? chartTable.value?.decimals : 0;
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
            text={withUnit(formatValue(row.value, decimals), answer.unit)}
            share={largest === 0 ? 0 : Math.abs(row.value) / largest}
            canShow={canShow}
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
  canShow: boolean;
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
        disabled={!isNamed || !props.canShow}
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
