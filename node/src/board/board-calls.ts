import { statfsSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { serveCalls } from '../client/rpc.ts';
import type {
  BoardStatus,
  LogFindQuestion,
  ReplayQuestion,
  SiteEdit,
  SwapMessage,
} from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';
import type { Replays } from './replay/replays.ts';
import type { SiteEdits } from './site-edits.ts';

/** What the gateway's thread asks of the main thread, which owns the log and the broker. */
export interface BoardFacts {
  log: CommitLog;
  replays: Replays;
  edits: SiteEdits;
  dataDir: string;
  status(): Omit<BoardStatus, 'freeBytes'>;
  counters(): Record<string, number>;
  rejected(stream: string | null): Record<string, number>;
  /** Resolves when it is in the log. */
  swap(swap: SwapMessage): Promise<void>;
  /** Records that may hold set-aside messages, newest first. */
  asides(): number[];
}

/** Records of one answer; more are asked for in further calls. */
const RECORDS_A_CALL = 256;

export function serveBoard(port: MessagePort, facts: BoardFacts): void {
  serveCalls(port, {
    status: (): BoardStatus => ({ ...facts.status(), freeBytes: freeBytes(facts.dataDir) }),
    counters: () => facts.counters(),
    rejected: (stream: string | null) => facts.rejected(stream),
    asides: () => facts.asides(),
    swap: (swap: SwapMessage) => facts.swap(swap),
    find: (question: LogFindQuestion) => facts.log.find(question),
    replays: () => facts.replays.list(),
    replay: (id: number) => facts.replays.get(id),
    'replay-begin': (question: ReplayQuestion) => facts.replays.begin(question),
    'replay-apply': (id: number) => facts.replays.apply(id),
    'replay-cancel': (id: number) => facts.replays.cancel(id),
    'site-edit': (edit: SiteEdit) => facts.edits.edit(edit),
    'site-forget': (rollup: string) => facts.edits.forget(rollup),
    records: async (seqs: number[]) => {
      const entries = await Promise.all(seqs.slice(0, RECORDS_A_CALL).map((seq) => facts.log.get(seq)));
      return entries.map((entry) => entry?.bytes ?? null);
    },
  });
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
