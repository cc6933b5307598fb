import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { CHAOS_LOG, isChaosRecord } from './log-records.ts';

export interface Victim {
  /** Sends SIGKILL to the appender itself, not to what it may run under. */
  kill: () => void;
  acked: () => number;
  /** The newest record that was acked before a moment of the monotonic clock, in nanoseconds. */
  ackedBefore: (atNs: bigint) => number;
  /** Codes of the refusals so far. */
  refused: string[];
  /** Resolves when this many more records are acked; rejects when the process ends before. */
  reaches: (count: number) => Promise<void>;
  ended: Promise<unknown>;
}

/** Starts the appender; its talk goes to stderr. */
export function startAppender(dir: string, command: string[] = []): Victim {
  const script = fileURLToPath(new URL('log-appender.ts', import.meta.url));
  const line = [...command, process.execPath, '--disable-warning=ExperimentalWarning', script, dir];
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let acked = 0;
  let count = 0;
  const acks: { seq: number; atNs: bigint }[] = [];
  let pid = 0;
  const refused: string[] = [];
  let check = () => {};
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (text) => {
    if (text.startsWith('pid ')) pid = Number(text.slice(4));
    if (text.startsWith('refused ')) refused.push(text.split(' ')[2]);
    if (!text.startsWith('ack ')) return;
    const [, seq, atNs] = text.split(' ');
    acked = Math.max(acked, Number(seq));
    acks.push({ seq: Number(seq), atNs: BigInt(atNs) });
    count++;
    check();
  });
  // The lines it wrote last are read before the stream closes, after the process is gone.
  const ended = Promise.all([once(child, 'close'), once(lines, 'close')]);
  return {
    kill: () => process.kill(pid, 'SIGKILL'),
    acked: () => acked,
    ackedBefore: (atNs) => acks.findLast((ack) => ack.atNs < atNs)?.seq ?? 0,
    refused,
    ended,
    reaches: (goal) =>
      new Promise((resolve, reject) => {
        check = () => {
          if (count >= goal) resolve();
        };
        check();
        void ended.then(() => reject(new Error(`the appender ended after ${count} acks: ${said}`)));
      }),
  };
}

/** Opens the log again and holds every record against what it must be. */
export async function verifyLog(
  dir: string,
  acked: number,
): Promise<{ last: number; openMs: number; lost: number }> {
  const startedMs = performance.now();
  const log = await openEmbeddedLog({ dir, reserveBytes: 0, ...CHAOS_LOG });
  const openMs = performance.now() - startedMs;
  const { first, last } = log.bounds();
  let expected = first;
  let lost = Math.max(0, acked - last);
  for await (const { seq, bytes } of log.read(first)) {
    if (seq !== expected++) throw new Error(`record ${seq} came where ${expected - 1} was due`);
    // Unpacking takes longer than reading: one in 23 is held against what it must be, all against their checksum.
    const same = bytes !== null && (seq % 23 !== 0 || isChaosRecord(seq, bytes));
    if (!same) lost++;
  }
  if (expected !== last + 1) throw new Error(`the log ends at ${last}, reading it at ${expected - 1}`);
  await log.close();
  return { last, openMs, lost };
}
