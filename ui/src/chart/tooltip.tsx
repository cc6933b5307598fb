import { formatValue, withUnit } from '../format/number.ts';
import { bucketName } from '../format/time.ts';
import { site } from '../state/board.ts';
import { charted, chartTable, chartVersion } from '../state/chart-feed.ts';
import { boardNow } from '../state/clock.ts';
import { isAdditive } from '../state/selection.ts';
import { type Reading, readingAt } from './columns.ts';
import { hover } from './hover.ts';
import { nameOf } from './line-name.ts';
import type { Line } from './table.ts';

/** What the bucket under the cursor holds. It stands beside the cursor, on the side that has room. */
export function Tooltip() {
  const at = hover.value;
  const rows = at ? rowsAt(at.time) : [];
  if (!at || rows.length === 0) return null;
  const isRight = at.left > at.plotWidth / 2;
  const x = at.plotLeft + at.left;
  return (
    <div
      class={`tooltip${isRight ? ' tooltip-left' : ''}`}
      style={{ transform: `translateX(${Math.round(x)}px)${isRight ? ' translateX(-100%)' : ''}` }}
    >
      <p class="tooltip-time">{timeAt(at.time)}</p>
      <table>
        <tbody>
          {rows.map(({ line, index, reading }) => (
            <tr key={line.key}>
              <th scope="row">
                <span class={`swatch line-${index + 1}`} />
                <bdi>{nameOf(line, charted.value)}</bdi>
              </th>
              <td class="num">{figureOf(reading)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="tooltip-note">{noteOf(rows.map((row) => row.reading))}</p>
    </div>
  );
}

interface Row {
  line: Line;
  index: number;
  reading: Reading;
}

function rowsAt(time: number): Row[] {
  chartVersion.value;
  const table = chartTable.value;
  const options = { nowMs: boardNow(), latenessMs: charted.value?.latenessMs ?? 0 };
  return (table?.lines ?? []).map((line, index) => ({
    line,
    index,
    reading: readingAt(table!, line, time, options),
  }));
}

function figureOf({ value }: Reading): string {
  const table = chartTable.value;
  if (value === null) return 'no reading';
  return withUnit(formatValue(value, table?.decimals), table?.unit ?? '');
}

function timeAt(time: number): string {
  return bucketName(time, chartTable.value?.stepMs ?? 60_000, site.value?.timezone ?? 'UTC');
}

function noteOf(readings: readonly Reading[]): string {
  const present = readings.filter((reading) => reading.state !== 'none');
  if (present.length === 0) return '';
  const isGrowing = isAdditive(charted.value?.measure.fn ?? '');
  if (present.some((reading) => reading.state === 'filling'))
    return isGrowing ? 'so far; not over yet' : 'not over yet';
  const revisions = Math.max(...present.map((reading) => reading.revision));
  const amended = revisions > 0 ? `, amended ${revisions === 1 ? 'once' : `${revisions} times`}` : '';
  const estimated = Math.max(...present.map((reading) => reading.estimated));
  const guessed = estimated > 0 ? `, ${Math.max(1, Math.round(estimated * 100))} % estimated` : '';
  const state = present.every((reading) => reading.state === 'final') ? 'final' : 'may still change';
  return state + guessed + amended;
}

/** The same in one sentence, for a screen reader. */
export function wordsAt(time: number): string {
  const rows = rowsAt(time);
  const values = rows
    .map(({ line, reading }) => `${nameOf(line, charted.value)} ${figureOf(reading)}`)
    .join(', ');
  return `${timeAt(time)}: ${values}. ${noteOf(rows.map((row) => row.reading))}`;
}
