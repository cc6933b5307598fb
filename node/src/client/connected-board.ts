import type { MessagePort } from 'node:worker_threads';
import type {
  BoardStatus,
  ChangedRange,
  EventsAnswer,
  EventsQuestion,
  LedgerAnswer,
  LedgerQuestion,
  LiveChange,
  LiveQuestion,
  LogFindQuestion,
  QuarantineAnswer,
  QuarantineQuestion,
  Replay,
  ReplayQuestion,
  ReplaysAnswer,
  RollupAnswer,
  RollupQuestion,
  ShardHash,
  ShardStats,
  ShardSwap,
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
import type { BoardClient } from './board-client.ts';
import type { BoardPorts } from './board-ports.ts';
import { addLedger, emptyLedger } from './ledger-sum.ts';
import { LiveFeed } from './live-feed.ts';
import { notFound } from './plan.ts';
import { decodeEntry, eventsOf, keyHashOf, RECORDS_AT_ONCE, setAsideOf } from './raw-events.ts';
import { answerRollup, answerTop } from './rollup-answers.ts';
import { Caller } from './rpc.ts';
import { ShardLines, shardsOfKeys } from './shard-lines.ts';
import { verifyAnswer } from './verify-answer.ts';

interface ThreadStats {
  shards: ShardStats[];
  store: { bytes: number; writtenBytes: number };
}

/** Records that may hold an answer to a question for raw readings; further ones are left out, and said so. */
const MAX_RECORDS = 20_000;

/** A board asked over message ports, from a thread of the same process. */
export class ConnectedBoard implements BoardClient {
  readonly #ports: BoardPorts;
  readonly #board: Caller;
  readonly #lines: ShardLines;
  readonly #feed: LiveFeed;
  #watching = false;

  constructor(ports: BoardPorts, onFault: (fault: unknown) => void = () => {}) {
    this.#ports = ports;
    this.#board = new Caller(ports.board);
    this.#lines = new ShardLines(ports.shards, ports.progress, ports.threadOfShard, (pushed) =>
      this.#feed.changed(pushed as ChangedRange[]),
    );
    this.#feed = new LiveFeed(ports.site, this.#lines, onFault);
  }

  /** A shard thread was started again. */
  reconnect(thread: number, port: MessagePort): void {
    this.#lines.reconnect(thread, port);
    if (this.#watching) void this.#lines.ask('watch', {}, null);
  }

  close(): void {
    this.#feed.close();
    this.#lines.close();
    this.#board.close();
  }

  site(): Site {
    return this.#ports.site;
  }

  rollup(question: RollupQuestion, signal?: AbortSignal): Promise<RollupAnswer> {
    return answerRollup(this.#lines, this.#ports.site, question, Date.now(), signal);
  }

  top(question: TopQuestion, signal?: AbortSignal): Promise<TopAnswer> {
    return answerTop(this.#lines, this.#ports.site, question, Date.now(), signal);
  }

  async events(question: EventsQuestion, signal?: AbortSignal): Promise<EventsAnswer> {
    const site = this.#ports.site;
    const stream = site.streams.find((one) => one.name === question.stream);
    if (!stream)
      throw notFound(
        'stream',
        question.stream,
        site.streams.map((one) => one.name),
      );
    const { from, to, order, limit } = question;
    const seqs = await this.#find(
      { stream: stream.name, from, to, keyHash: keyHashOf(stream, question), order, limit: MAX_RECORDS },
      signal,
    );
    const events: EventsAnswer['events'] = [];
    let next = 0;
    for (; next < seqs.length && events.length <= limit; next += RECORDS_AT_ONCE) {
      for (const bytes of await this.#records(seqs.slice(next, next + RECORDS_AT_ONCE), signal)) {
        const record = decodeEntry(bytes);
        if (record) for (const event of eventsOf(record, stream, question)) events.push(event);
      }
    }
    const sign = order === 'asc' ? 1 : -1;
    events.sort((a, b) => sign * (Number(a.time) - Number(b.time)));
    const truncated = events.length > limit || next < seqs.length || seqs.length === MAX_RECORDS;
    return { stream: stream.name, from, to, events: events.slice(0, limit), truncated };
  }

  async ledger(question: LedgerQuestion): Promise<LedgerAnswer> {
    const sum = emptyLedger();
    for (const part of await this.#lines.ask<LedgerAnswer>('ledger', question, null)) addLedger(sum, part);
    // What was refused before the log was received too, best effort: it is counted since the start of the process.
    const rejected = await this.#board.call<Record<string, number>>('rejected', question.stream);
    for (const [reason, n] of Object.entries(rejected)) {
      sum.rejected[reason] = (sum.rejected[reason] ?? 0) + n;
      sum.received += n;
    }
    return sum;
  }

  async quarantine(question: QuarantineQuestion): Promise<QuarantineAnswer> {
    const seqs = await this.#board.call<number[]>('asides', null);
    const messages: QuarantineAnswer['messages'] = [];
    for (let next = 0; next < seqs.length && messages.length < question.limit; next += RECORDS_AT_ONCE) {
      for (const bytes of await this.#records(seqs.slice(next, next + RECORDS_AT_ONCE))) {
        const record = decodeEntry(bytes);
        if (record) for (const message of setAsideOf(record, question.stream)) messages.push(message);
      }
    }
    return { messages: messages.slice(0, question.limit) };
  }

  async status(): Promise<StatusAnswer> {
    const [{ logBytes, logAppendedBytes, logAppendedReadings, freeBytes, flash, ...board }, threads] =
      await Promise.all([
        this.#board.call<BoardStatus>('status', null),
        this.#lines.ask<ThreadStats>('stats', {}, null),
      ]);
    const sum = (of: (thread: ThreadStats) => number) =>
      threads.reduce((total, thread) => total + of(thread), 0);
    const writtenBytes = logAppendedBytes + sum((thread) => thread.store.writtenBytes);
    return {
      ...board,
      shards: threads
        .flatMap((thread) => thread.shards)
        .sort((a, b) => a.shard - b.shard)
        .map(({ memoryBytes: _, ...shard }) => shard),
      storage: { storeBytes: sum((thread) => thread.store.bytes), logBytes, freeBytes },
      wear: {
        ...flash,
        writtenBytes,
        bytesPerReading: logAppendedReadings === 0 ? 0 : writtenBytes / logAppendedReadings,
      },
    };
  }

  async swaps(meter: string | null): Promise<SwapsAnswer> {
    const shards = meter === null ? null : shardsOfKeys([meter]);
    const all = (await this.#lines.ask<ShardSwap[]>('swaps', {}, shards)).flat();
    const swaps = all.filter((swap) => meter === null || swap.meter === meter);
    return { swaps: swaps.sort((a, b) => b.at - a.at || b.recordedAt - a.recordedAt) };
  }

  recordSwap(swap: SwapMessage): Promise<void> {
    return this.#board.call<void>('swap', swap);
  }

  async verify(signal?: AbortSignal): Promise<VerifyAnswer> {
    return verifyAnswer((await this.#lines.ask<ShardHash[]>('hashes', {}, null, signal)).flat());
  }

  replays(): Promise<ReplaysAnswer> {
    return this.#board.call('replays', null);
  }

  replay(id: number): Promise<Replay> {
    return this.#board.call('replay', id);
  }

  beginReplay(question: ReplayQuestion): Promise<Replay> {
    return this.#board.call('replay-begin', question);
  }

  applyReplay(id: number): Promise<Replay> {
    return this.#board.call('replay-apply', id);
  }

  cancelReplay(id: number): Promise<Replay> {
    return this.#board.call('replay-cancel', id);
  }

  editSite(edit: SiteEdit): Promise<SiteEditAnswer> {
    return this.#board.call('site-edit', edit);
  }

  forgetRollup(rollup: string): Promise<SiteForgotten> {
    return this.#board.call('site-forget', rollup);
  }

  async counters(): Promise<Record<string, number>> {
    const [board, threads] = await Promise.all([
      this.#board.call<Record<string, number>>('counters', null),
      this.#lines.ask<ThreadStats>('stats', {}, null),
    ]);
    const shards = threads.flatMap((thread) => thread.shards);
    return {
      ...board,
      store_bytes: threads.reduce((total, thread) => total + thread.store.bytes, 0),
      store_written_bytes_total: threads.reduce((total, thread) => total + thread.store.writtenBytes, 0),
      keys: shards.reduce((total, shard) => total + shard.keys, 0),
      shards_serving: shards.filter((shard) => shard.state === 'serving').length,
    };
  }

  live(question: LiveQuestion, onChange: (change: LiveChange) => void): () => void {
    const leave = this.#feed.watch(question, onChange);
    if (!this.#watching) {
      this.#watching = true;
      void this.#lines.ask('watch', {}, null).catch(() => {
        // A thread that is being started again is asked anew by `reconnect`.
        this.#watching = true;
      });
    }
    return leave;
  }

  #find(question: LogFindQuestion, signal?: AbortSignal): Promise<number[]> {
    return this.#board.call<number[]>('find', question, signal);
  }

  #records(seqs: number[], signal?: AbortSignal): Promise<(Uint8Array | null)[]> {
    return this.#board.call<(Uint8Array | null)[]>('records', seqs, signal);
  }
}
