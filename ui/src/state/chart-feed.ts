import { signal } from '@preact/signals';
import type { LiveChange, RollupAnswer, TopAnswer } from '@weir/node/contract';
import { asFault, ask, isAbort } from '../api/ask.ts';
import type { AskFault } from '../api/fault.ts';
import { LiveStream } from '../api/live-stream.ts';
import { livePath, rollupPath, topPath, type Where } from '../api/paths.ts';
import { forgetBefore, lineOf, mergeSeries, type Table } from '../chart/table.ts';
import { status } from './board.ts';
import { boardNow } from './clock.ts';
import { asSpan, bounds, isMoving } from './range.ts';
import { isOfRegister, type Selection } from './selection.ts';

/** Lines that can be told apart by colour. */
export const MAX_SPLIT = 8;
/** The filter names the members already; each may come in a part from every shard, and none may be cut off. */
const SERIES_LIMIT = 32 * MAX_SPLIT;
/** Finality, new members of a split and a coarser tier all show with the next whole answer. */
const REFRESH_MS = 60_000;
const TAIL_EVERY_MS = 2_000;
const MAX_RETRY_MS = 30_000;
const MAX_PENDING = 50;

export type LiveState = 'connecting' | 'live' | 'lost';

export const chartTable = signal<Table | null>(null);
/** Counts the changes of the table, which is changed in place. */
export const chartVersion = signal(0);
export const chartFault = signal<AskFault | null>(null);
export const liveState = signal<LiveState>('connecting');
/** The selection that the table answers, which lags behind the one asked for. */
export const charted = signal<Selection | null>(null);

/** Keeps the table true to one selection: a whole answer first, then what changes, and all anew after each silence. */
export class ChartFeed {
  readonly #selection: Selection;
  #stream: LiveStream | null = null;
  #streamPath = '';
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tailTimer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = 1_000;
  #table: Table | null = null;
  #where: Where = {};
  #pending: LiveChange[] | null = null;

  constructor(selection: Selection) {
    this.#selection = selection;
    document.addEventListener('visibilitychange', this.#onVisibility);
    void this.#refresh();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#rest();
  }

  // A hidden page costs the board nothing, and is whole again when it is seen.
  readonly #onVisibility = (): void => {
    if (document.hidden) this.#rest();
    else void this.#refresh();
  };

  #rest(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#tailTimer);
    this.#tailTimer = undefined;
    this.#abort.abort();
    this.#stream?.close();
    this.#stream = null;
    this.#streamPath = '';
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal: aborted } = this.#abort;
    this.#pending = [];
    try {
      const table = await this.#whole(aborted);
      for (const change of this.#pending ?? []) this.#merge(table, change);
      this.#show(table);
      this.#follow(table);
      this.#retryMs = 1_000;
      this.#timer = setTimeout(() => void this.#refresh(), REFRESH_MS);
    } catch (caught) {
      if (isAbort(caught) || aborted.aborted) return;
      chartFault.value = asFault(caught);
      this.#timer = setTimeout(() => void this.#refresh(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    }
    this.#pending = null;
  }

  async #whole(aborted: AbortSignal): Promise<Table> {
    const { rollup, measure, by, filter, range } = this.#selection;
    this.#where = filter ? { [filter.field]: [filter.value] } : {};
    if (by !== null) this.#where = { [by]: await this.#largest(by, aborted) };
    const isNone = by !== null && this.#where[by].length === 0;
    const answer = await ask<RollupAnswer>(
      rollupPath(rollup.name, {
        ...asSpan(range),
        measure: measure.name,
        by: by === null ? [] : [by],
        where: isNone ? {} : this.#where,
        limit: SERIES_LIMIT,
        quality: isOfRegister(measure.fn),
      }),
      aborted,
    );
    const kept = answer.measures[measure.name];
    const lines = isNone ? [] : answer.series.map((series) => lineOf(series, measure.name));
    if (by !== null) {
      const rank = (value: string | null) => this.#where[by].indexOf(value ?? '');
      lines.sort((a, b) => rank(a.by[by]) - rank(b.by[by]));
    }
    return {
      measure: measure.name,
      unit: kept?.unit ?? measure.unit,
      decimals: kept?.decimals ?? 6,
      stepMs: answer.step,
      tierMs: rollup.tiers.find((tier) => tier.name === answer.tier)?.widthMs ?? answer.step,
      watermark: answer.watermark,
      lines,
    };
  }

  async #largest(by: string, aborted: AbortSignal): Promise<string[]> {
    const { rollup, measure, range } = this.#selection;
    const span = asSpan(range);
    const path = topPath(rollup.name, { ...span, measure: measure.name, by: [by], where: {}, k: MAX_SPLIT });
    const { rows } = await ask<TopAnswer>(path, aborted);
    return rows.flatMap((row) => row.by[by] ?? []);
  }

  #show(table: Table): void {
    this.#table = table;
    chartTable.value = table;
    charted.value = this.#selection;
    chartFault.value = null;
    chartVersion.value++;
  }

  /** The stream tells buckets of a tier; a chart of wider ones asks for its newest anew when something changed. */
  #follow(table: Table): void {
    const { rollup, measure, by } = this.#selection;
    const where = by !== null && this.#where[by].length === 0 ? {} : this.#where;
    const path = livePath(rollup.name, {
      measure: measure.name,
      by: by === null ? [] : [by],
      where,
      step: `${table.tierMs}`,
      quality: isOfRegister(measure.fn),
    });
    if (path === this.#streamPath && this.#stream) return;
    this.#stream?.close();
    this.#streamPath = path;
    if (liveState.peek() !== 'lost') liveState.value = 'connecting';
    this.#stream = new LiveStream(path, {
      onOpen: () => {
        liveState.value = 'live';
        if (status.fault.peek()) status.nudge();
        // What changed between the answer and the stream was told to nobody.
        void this.#refresh();
      },
      onChange: (change) => this.#onChange(change),
      onLost: () => {
        liveState.value = 'lost';
        status.nudge();
      },
    });
  }

  #onChange(change: LiveChange): void {
    const table = this.#table;
    if (!table) return;
    if (change.step !== table.stepMs) {
      this.#tailTimer ??= setTimeout(() => void this.#askTail(change), TAIL_EVERY_MS);
      return;
    }
    if (this.#pending && this.#pending.length < MAX_PENDING) this.#pending.push(change);
    this.#merge(table, change);
    chartVersion.value++;
  }

  #merge(table: Table, change: LiveChange): void {
    if (change.step !== table.stepMs) return;
    const span = bounds(this.#selection.range, boardNow());
    // A moving range has no end: the board's newest bucket may start a moment later than this clock says.
    mergeSeries(
      table,
      change.series,
      change.watermark,
      isMoving(this.#selection.range) ? { ...span, to: Infinity } : span,
    );
    forgetBefore(table, span.from);
  }

  async #askTail(change: LiveChange): Promise<void> {
    this.#tailTimer = undefined;
    const table = this.#table;
    const span = bounds(this.#selection.range, boardNow());
    const touched = Math.min(...change.series.map((series) => series.time[0] ?? Infinity));
    const from = startOfBucket(table, Math.max(touched, span.from));
    if (!table || from === null) return;
    const { rollup, measure, by, range } = this.#selection;
    const to = range.kind === 'between' ? `${range.to}` : 'now';
    try {
      const answer = await ask<RollupAnswer>(
        rollupPath(rollup.name, {
          from: `${from}`,
          to,
          measure: measure.name,
          by: by === null ? [] : [by],
          where: this.#where,
          step: table.stepMs,
          limit: SERIES_LIMIT,
          quality: isOfRegister(measure.fn),
        }),
        this.#abort.signal,
      );
      if (this.#table !== table || answer.step !== table.stepMs) return;
      mergeSeries(table, answer.series, answer.watermark, { ...span, to: Infinity });
      forgetBefore(table, span.from);
      chartVersion.value++;
    } catch (caught) {
      if (!isAbort(caught)) chartFault.value = asFault(caught);
    }
  }
}

/** A start that the board gave, since buckets of hours and days lie by the site's calendar and not by division. */
function startOfBucket(table: Table | null, time: number): number | null {
  let start: number | null = null;
  for (const line of table?.lines ?? []) {
    for (const one of line.time) if (one <= time && (start === null || one > start)) start = one;
  }
  return start ?? (Number.isFinite(time) ? time : null);
}
