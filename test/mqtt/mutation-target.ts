import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GroupBuilder } from '@weir/node/contract';
import { startBroker } from '../../node/src/broker/index.ts';
import { BROKER_LIMITS } from '../../node/src/broker/limits.ts';
import { SITE } from './site.ts';
import { StallingLog } from './stalling-log.ts';

/** A broker in this process that counts its own log lines; closing it answers what it saw. */
export async function startForMutation(): Promise<{ port: number; close(): Promise<object> }> {
  const log = new StallingLog();
  const dir = await mkdtemp(join(tmpdir(), 'weir-mutate-'));
  let lines = 0;
  let errors = 0;
  const beganMs = performance.now();
  const broker = await startBroker({
    site: SITE,
    log: log as never,
    builder: new GroupBuilder(SITE),
    clock: { nowMs: () => Date.now(), trusted: () => true },
    listen: { tcp: { host: '127.0.0.1', port: 0 } },
    credentials: null,
    open: true,
    sessionsDir: join(dir, 'sessions'),
    onDurable() {},
    logger: {
      info() {},
      warn: () => void lines++,
      error: (fields) => {
        errors++;
        console.error(fields);
      },
    },
  });
  return {
    port: broker.tcp?.port ?? 0,
    async close() {
      const seconds = (performance.now() - beganMs) / 1000;
      const leftOpen = broker.stats().connections;
      await broker.close();
      await rm(dir, { recursive: true, force: true });
      const linesASecond = lines / seconds;
      const mostLines = BROKER_LIMITS.logLinesPerSecond;
      return {
        readings: log.readings,
        setAside: log.setAside,
        rejected: broker.rejected(),
        leftOpen,
        linesASecond,
        mostLines,
        errors,
        seconds,
      };
    },
  };
}
