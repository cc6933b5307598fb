import { formatValue, withUnit } from '../format/number.ts';
import { stepName } from '../format/time.ts';
import { charted, chartTable, chartVersion } from '../state/chart-feed.ts';
import { isAdditive } from '../state/selection.ts';
import { change } from '../state/view.ts';
import { MOSTLY } from './columns.ts';
import { nameOf } from './line-name.ts';
import { type Line, newestWhole } from './table.ts';

/** Names the lines, and says in words what dashes and bars mean. */
export function Legend() {
  chartVersion.value;
  const table = chartTable.value;
  const selected = charted.value;
  if (!table || !selected) return <div class="legend" />;
  const additive = isAdditive(selected.measure.fn);
  return (
    <div class="legend">
      {selected.by === null ? null : <Members lines={table.lines} field={selected.by} />}
      <ul class="legend-marks">
        <li>
          <span class="mark-line" aria-hidden="true" /> final
        </li>
        <li>
          <span class="mark-line mark-dashed" aria-hidden="true" /> not final yet: late readings may still
          move it
        </li>
        {isGuessed(table.lines) ? (
          <li>
            <span class="mark-hatched" aria-hidden="true" /> estimated: no readings came, and what was counted
            meanwhile is spread
          </li>
        ) : null}
        {additive ? (
          <li>
            <span class={selected.by === null ? 'mark-bar' : 'mark-dot'} aria-hidden="true" />{' '}
            {soFar(table.stepMs)}
          </li>
        ) : null}
      </ul>
    </div>
  );
}

const isGuessed = (lines: readonly Line[]): boolean =>
  lines.some((line) => line.estimated.some((share) => share > MOSTLY));

function Members({ lines, field }: { lines: readonly Line[]; field: string }) {
  // The lines are changed in place, so nothing but this tells that they were.
  chartVersion.value;
  const table = chartTable.value;
  return (
    <ul class="legend-lines" aria-label="Lines">
      {lines.map((line, i) => {
        const value = line.by[field];
        const newest = table ? newestWhole(table, line) : null;
        return (
          <li key={line.key}>
            <button
              type="button"
              disabled={value === null || value === undefined}
              title={`Show ${nameOf(line, null)} alone`}
              onClick={() => change({ by: null, filter: { field, value: value as string } })}
            >
              <span class={`swatch line-${i + 1}`} aria-hidden="true" />
              <bdi>{nameOf(line, null)}</bdi>
              <span class="num">
                {withUnit(formatValue(newest?.value ?? null, table?.decimals), table?.unit ?? '')}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function soFar(stepMs: number): string {
  const name = stepName(stepMs);
  return `${name.endsWith('s') ? 'these' : 'this'} ${name} so far`;
}
