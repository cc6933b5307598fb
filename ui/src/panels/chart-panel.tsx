import { Chart } from '../chart/chart.tsx';
import { DataTable } from '../chart/data-table.tsx';
import { Legend } from '../chart/legend.tsx';
import { isEmpty, newestWhole } from '../chart/table.ts';
import { formatValue } from '../format/number.ts';
import { bucketName, moment, stepName } from '../format/time.ts';
import { FaultNote } from '../parts/fault-note.tsx';
import { Icon } from '../parts/icon.tsx';
import { ledger, site } from '../state/board.ts';
import { charted, chartFault, chartTable, chartVersion, liveState } from '../state/chart-feed.ts';
import { inWords, isAdditive, type Selection, titleOf } from '../state/selection.ts';
import { pickRange, rangeBefore, zoomBack } from '../state/view.ts';

export function ChartPanel({ selected }: { selected: Selection }) {
  const isStale = charted.value !== selected;
  return (
    <section
      class={`card chart-panel${isStale ? ' is-stale' : ''}`}
      aria-labelledby="chart-title"
      aria-busy={isStale}
    >
      <div class="card-head">
        <div>
          <h1 id="chart-title">
            {titleOf(site.value!, selected.rollup)}
            <Whose selected={selected} />
          </h1>
          <p class="subtitle">
            <Subtitle selected={selected} />
          </p>
        </div>
        <Newest />
        <div class="head-tools">
          <Back />
          <LiveBadge />
        </div>
      </div>
      {chartFault.value ? <FaultNote fault={chartFault.value} /> : null}
      <div class="chart-box">
        {chartTable.value ? (
          <Chart />
        ) : (
          <div class="skeleton skeleton-plot" role="status" aria-label="Loading" />
        )}
        <Empty selected={selected} />
      </div>
      <Legend />
      <DataTable />
    </section>
  );
}

function Whose({ selected: { by, filter } }: { selected: Selection }) {
  if (filter) {
    return (
      <span class="whose">
        {' '}
        of {filter.field} <bdi>{filter.value}</bdi>
      </span>
    );
  }
  return by === null ? null : <span class="whose"> by {by}</span>;
}

function Subtitle({ selected }: { selected: Selection }) {
  const table = chartTable.value;
  const { measure } = selected;
  const words = inWords(measure);
  if (!table) return <>{words}</>;
  const per = isAdditive(measure.fn)
    ? `each ${stepName(table.stepMs)}`
    : `over each ${stepName(table.stepMs)}`;
  const zone = site.value?.timezone ?? 'UTC';
  const { range } = selected;
  const when = range.kind === 'between' ? ` · ${moment(range.from, zone)} – ${moment(range.to, zone)}` : '';
  return (
    <>
      {words} {per}
      {table.unit === '' ? null : (
        <>
          , in <span class="unit">{table.unit}</span>
        </>
      )}
      {when}
    </>
  );
}

/** The newest figure that is whole, in large: what a wall screen is read for. */
function Newest() {
  chartVersion.value;
  const table = chartTable.value;
  if (!table || charted.value?.by !== null) return null;
  const newest = table.lines[0] ? newestWhole(table, table.lines[0]) : null;
  if (!newest) return null;
  return (
    <p class="newest" title={bucketName(newest.time, table.stepMs, site.value?.timezone ?? 'UTC')}>
      <span class="newest-value num">{formatValue(newest.value, table.decimals)}</span>
      <span class="newest-unit">{table.unit}</span>
      <span class="newest-when">last whole {stepName(table.stepMs)}</span>
    </p>
  );
}

function Back() {
  const before = rangeBefore();
  if (!before) return null;
  return (
    <button type="button" class="button" onClick={zoomBack}>
      <Icon name="back" />
      {before.kind === 'last' ? `Back to last ${before.span}` : 'Back'}
    </button>
  );
}

const LIVE_WORDS = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' };

function LiveBadge() {
  const state = liveState.value;
  return (
    <p class={`live live-${state}`} role="status">
      <span class="live-dot" aria-hidden="true" />
      {LIVE_WORDS[state]}
      {state === 'lost' ? '…' : ''}
    </p>
  );
}

/** Says why there is nothing and what to do about it. */
function Empty({ selected }: { selected: Selection }) {
  chartVersion.value;
  const table = chartTable.value;
  if (!table || !isEmpty(table) || charted.value !== selected) return null;
  const isNew = ledger.answer.value?.received === 0;
  return (
    <div class="empty">
      <p class="empty-title">{isNew ? 'No readings yet' : 'No readings in this range'}</p>
      <EmptyAdvice selected={selected} isNew={isNew} />
    </div>
  );
}

function EmptyAdvice({ selected, isNew }: { selected: Selection; isNew: boolean }) {
  if (isNew) {
    return (
      <p>
        Start a simulator with <code>weir sim utility</code>, or let a device publish to{' '}
        <code>
          {site.value?.streams.find((one) => one.name === selected.rollup.stream)?.sources[0]?.from ??
            'the broker'}
        </code>
        .
      </p>
    );
  }
  return (
    <>
      <p>
        {selected.filter ? (
          <>
            Nothing was counted for {selected.filter.field} <bdi>{selected.filter.value}</bdi>. Check how it
            is written, or look at a longer range.
          </>
        ) : (
          'Nothing was counted in it. Silence is shown as a gap and never as zero.'
        )}
      </p>
      <button type="button" class="button" onClick={() => pickRange({ kind: 'last', span: '7d' })}>
        Show the last 7 days
      </button>
    </>
  );
}
