import { statfsSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { serveCalls } from '../client/rpc.ts';
import type { BoardStatus, LogFindQuestion, SwapMessage } from '../contract/index.ts';
import type { CommitLog } from '../log/port.ts';

/** What the gateway's thread asks of the main thread, which owns the log and the broker. */
export interface BoardFacts {
  log: CommitLog;
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
