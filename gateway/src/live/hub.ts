import type { BoardClient } from '@weir/node/client';
import { type LiveChange, type LiveQuestion, WeirError } from '@weir/node/contract';
import type { Viewer } from './viewer.ts';

interface Channel {
  viewers: Set<Viewer>;
  leave: () => void;
}

/**
 * Shares what changes among viewers. Viewers of the same question share one subscription at the board and one
 * serialised text, so that a hundred wall screens cost little more than one.
 */
export class LiveHub {
  readonly #client: BoardClient;
  readonly #maxViewers: number;
  readonly #channels = new Map<string, Channel>();
  readonly #heartbeat: NodeJS.Timeout;
  #viewers = 0;
  #dropped = 0;

  constructor(client: BoardClient, bounds: { viewers: number; heartbeatMs: number }) {
    this.#client = client;
    this.#maxViewers = bounds.viewers;
    // Proxies and browsers give up on a stream that says nothing; a heartbeat also finds viewers that have gone.
    this.#heartbeat = setInterval(() => this.#beat(), bounds.heartbeatMs);
    this.#heartbeat.unref();
  }

  get viewers(): number {
    return this.#viewers;
  }

  /** Viewers that stopped reading. */
  get dropped(): number {
    return this.#dropped;
  }

  assertRoom(): void {
    if (this.#viewers < this.#maxViewers) return;
    throw new WeirError('WEIR_BUSY', `${this.#maxViewers} viewers are watching already.`, {
      suggestion: 'Close a page, or ask the rollup every few seconds instead.',
    });
  }

  /** Answers the function that leaves. */
  join(question: LiveQuestion, viewer: Viewer): () => void {
    const key = JSON.stringify(question);
    const channel = this.#channels.get(key) ?? this.#open(key, question, viewer);
    channel.viewers.add(viewer);
    this.#viewers++;
    return () => this.#leave(key, channel, viewer);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const { viewers } of this.#channels.values()) for (const viewer of viewers) viewer.end();
  }

  // The first viewer is there before the board is asked, since the board may answer at once.
  #open(key: string, question: LiveQuestion, first: Viewer): Channel {
    const viewers = new Set([first]);
    const leave = this.#client.live(question, (change) => this.#tell(viewers, change));
    const channel = { viewers, leave };
    this.#channels.set(key, channel);
    return channel;
  }

  #leave(key: string, channel: Channel, viewer: Viewer): void {
    if (!channel.viewers.delete(viewer)) return;
    this.#viewers--;
    if (channel.viewers.size > 0) return;
    channel.leave();
    this.#channels.delete(key);
  }

  #tell(viewers: Set<Viewer>, change: LiveChange): void {
    this.#send(viewers, `event: change\ndata: ${JSON.stringify(change)}\n\n`);
  }

  #beat(): void {
    for (const { viewers } of this.#channels.values()) this.#send(viewers, ': still here\n\n');
  }

  #send(viewers: Set<Viewer>, text: string): void {
    for (const viewer of viewers) if (viewer.send(text) === 'dropped') this.#dropped++;
  }
}
