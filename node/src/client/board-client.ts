import type {
  EventsAnswer,
  EventsQuestion,
  LedgerAnswer,
  LedgerQuestion,
  LiveChange,
  LiveQuestion,
  QuarantineAnswer,
  QuarantineQuestion,
  Replay,
  ReplayQuestion,
  ReplaysAnswer,
  RollupAnswer,
  RollupQuestion,
  Site,
  SiteEdit,
  SiteEditAnswer,
  SiteForgotten,
  StatusAnswer,
  SwapMessage,
  SwapsAnswer,
  TopAnswer,
  TopQuestion,
  VerifyAnswer,
} from '../contract/index.ts';

/**
 * Asking a board. Every answer includes what was acknowledged before the question came. A question that cannot be
 * answered rejects with a `WeirError` from the table of codes; an aborted one stops its work in the shards.
 */
export interface BoardClient {
  site(): Site;
  rollup(question: RollupQuestion, signal?: AbortSignal): Promise<RollupAnswer>;
  top(question: TopQuestion, signal?: AbortSignal): Promise<TopAnswer>;
  events(question: EventsQuestion, signal?: AbortSignal): Promise<EventsAnswer>;
  ledger(question: LedgerQuestion): Promise<LedgerAnswer>;
  quarantine(question: QuarantineQuestion): Promise<QuarantineAnswer>;
  status(): Promise<StatusAnswer>;
  /** Swaps of registers, of one meter or all, the newest first. */
  swaps(meter: string | null): Promise<SwapsAnswer>;
  /** Resolves when the swap, or its undoing, is in the log. */
  recordSwap(swap: SwapMessage): Promise<void>;
  /** Hashes of everything that the shards know: equal on every board that has applied the same log. */
  verify(signal?: AbortSignal): Promise<VerifyAnswer>;
  /** The newest first. */
  replays(): Promise<ReplaysAnswer>;
  replay(id: number): Promise<Replay>;
  beginReplay(question: ReplayQuestion): Promise<Replay>;
  applyReplay(id: number): Promise<Replay>;
  cancelReplay(id: number): Promise<Replay>;
  editSite(edit: SiteEdit): Promise<SiteEditAnswer>;
  forgetRollup(rollup: string): Promise<SiteForgotten>;
  /** Prometheus counters of all threads, by metric name without the `weir_` prefix. */
  counters(): Promise<Record<string, number>>;
  /** At most one change per 200 ms; the viewer that lags is given the newest state, not a queue. */
  live(question: LiveQuestion, onChange: (change: LiveChange) => void): () => void;
}
