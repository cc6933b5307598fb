import { useSignal } from '@preact/signals';
import { formatValue } from '../format/number.ts';
import { bucketName } from '../format/time.ts';
import { site } from '../state/board.ts';
import { charted, chartTable, chartVersion } from '../state/chart-feed.ts';
import { boardNow } from '../state/clock.ts';
import { MOSTLY, readingAt } from './columns.ts';
import { nameOf } from './line-name.ts';
import type { Table } from './table.ts';

const MAX_ROWS = 200;
const STATE_WORDS = { final: 'final', moving: 'may still change', filling: 'not over yet', none: '' };

/** The chart's figures for those who do not see it; made only while it is open. */
export function DataTable() {
  const isOpen = useSignal(false);
  return (
    <details
      class="data-table"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>Show as table</summary>
      {isOpen.value ? <Rows /> : null}
    </details>
  );
}

function Rows() {
  chartVersion.value;
  const table = chartTable.value;
  if (!table) return null;
  const zone = site.value?.timezone ?? 'UTC';
  const options = { nowMs: boardNow(), latenessMs: charted.value?.latenessMs ?? 0 };
  const times = newestTimes(table);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section class="table-scroll" tabIndex={0} aria-label="Figures of the chart">
      <table>
        <caption>
          The newest {times.length} buckets, the newest first{table.unit === '' ? '' : `, in ${table.unit}`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {table.lines.map((line) => (
              <th key={line.key} scope="col" class="num">
                <bdi>{nameOf(line, charted.value)}</bdi>
              </th>
            ))}
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {times.map((time) => {
            const readings = table.lines.map((line) => readingAt(table, line, time, options));
            const told = readings.find((reading) => reading.state !== 'none');
            return (
              <tr key={time}>
                <th scope="row">{bucketName(time, table.stepMs, zone)}</th>
                {readings.map((reading, i) => (
                  <td key={table.lines[i].key} class="num">
                    {formatValue(reading.value, table.decimals)}
                  </td>
                ))}
                <td>
                  {STATE_WORDS[told?.state ?? 'none']}
                  {readings.some((reading) => reading.estimated > MOSTLY) ? ', estimated' : ''}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function newestTimes(table: Table): number[] {
  const all = new Set<number>();
  for (const line of table.lines) for (const time of line.time.slice(-MAX_ROWS)) all.add(time);
  return [...all].sort((a, b) => b - a).slice(0, MAX_ROWS);
}
