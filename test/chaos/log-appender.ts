import { writeSync } from 'node:fs';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { CHAOS_LOG, chaosRecord } from './log-records.ts';

/**
 * The process that is killed: appends for ever, two at a time, and says so for each that is acked. What it has
 * written to the pipe survives it.
 */
const log = await openEmbeddedLog({ dir: process.argv[2], reserveBytes: 0, retryMs: 20, ...CHAOS_LOG });
let next = log.bounds().last + 1;
writeSync(1, `open ${next - 1}\n`);

async function appendForEver(): Promise<never> {
  for (;;) {
    const seq = next++;
    await log.append(chaosRecord(seq));
    writeSync(1, `ack ${seq}\n`);
    if (seq % 50 === 0) {
      const bound = { olderThanWallMs: null, maxBytes: CHAOS_LOG.keepBytes, keepFromSeq: seq };
      await log.forget(bound);
    }
  }
}

await Promise.all([appendForEver(), appendForEver()]);
