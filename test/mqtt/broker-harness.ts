import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GroupBuilder, type LogRecord } from '@weir/node/contract';
import { afterEach } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from '../../node/src/broker/index.ts';
import { silentLog } from '../../node/src/broker/rejections.ts';
import { SITE } from './site.ts';
import { StallingLog } from './stalling-log.ts';

const afterwards: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of afterwards.splice(0).reverse()) await undo();
});

export function after(undo: () => Promise<unknown>): void {
  afterwards.push(undo);
}

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-mqtt-'));
  after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export interface Running {
  broker: Broker;
  log: StallingLog;
  durable: LogRecord[];
  port: number;
  url: string;
}

/** A broker over a log in memory; open on loopback unless told otherwise. Closed after the test. */
export async function running(more: Partial<BrokerOptions> = {}): Promise<Running> {
  const log = new StallingLog();
  const durable: LogRecord[] = [];
  const broker = await startBroker({
    site: SITE,
    log: log as never,
    builder: new GroupBuilder(SITE),
    clock: { nowMs: () => Date.now(), trusted: () => true },
    listen: { tcp: { host: '127.0.0.1', port: 0 } },
    credentials: null,
    open: true,
    sessionsDir: null,
    onDurable: (record) => durable.push(record),
    logger: silentLog,
    ...more,
  });
  after(async () => {
    log.refusal = null;
    log.go();
    await broker.close();
  });
  const port = broker.tcp?.port ?? 0;
  return { broker, log, durable, port, url: `mqtt://127.0.0.1:${port}` };
}

/** Waits for a condition without guessing how long it takes. */
export async function until(what: string, holds: () => boolean, withinMs = 10_000): Promise<void> {
  const givenUpMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > givenUpMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let tick = 0;
/** A reading whose event time no other has. */
export function reading(kwh = 1): string {
  return JSON.stringify({ ts: Date.now() - 1_000_000 + tick++, kwh });
}
