import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LOG_IN_FLIGHT } from '../../node/src/log/port.ts';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { CHAOS_LOG, chaosRecord } from './log-records.ts';

const POLL_MS = 5;

/**
 * The process that is killed: appends for ever, two at a time, and says so for each that is acked or refused. What it
 * has written to the pipe survives it. After a refusal it waits until the log takes records again.
 */
const log = await openEmbeddedLog({ dir: process.argv[2], reserveBytes: 0, retryMs: 20, ...CHAOS_LOG });
writeSync(1, `pid ${process.pid}\n`);

function append(seq: number): Promise<boolean> {
  return log.append(chaosRecord(seq)).then(
    () => {
      writeSync(1, `ack ${seq} ${process.hrtime.bigint()}\n`);
      return true;
    },
    (fault) => {
      writeSync(1, `refused ${seq} ${fault.code}\n`);
      return false;
    },
  );
}

for (let next = log.bounds().last + 1, underWay: Promise<boolean>[] = []; ; ) {
  while (underWay.length < LOG_IN_FLIGHT) underWay.push(append(next++));
  if (await underWay.shift()) {
    const bound = { olderThanWallMs: null, maxBytes: CHAOS_LOG.keepBytes, keepFromSeq: next };
    if (next % 50 === 0) await log.forget(bound);
    continue;
  }
  await Promise.all(underWay);
  underWay = [];
  while (log.stats().state !== 'ok') await delay(POLL_MS);
  next = log.bounds().last + 1;
}
