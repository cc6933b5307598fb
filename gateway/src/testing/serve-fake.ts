import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startGateway } from '../start.ts';
import { createFakeBoard } from './fake-board.ts';

/** Serves a lively fake: `node gateway/src/testing/serve-fake.ts --port 8080 --ui ui/dist`. */
const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, ui: { type: 'string' } },
});

const client = createFakeBoard({ now: Date.now, liveEveryMs: 500 });
const gateway = await startGateway({
  client,
  site: client.site(),
  listen: { host: '127.0.0.1', port: Number(values.port) },
  open: true,
  uiDir: values.ui ?? null,
  version: '0.1.0-fake',
  logger: pino({ level: 'warn' }),
});
process.stdout.write(`${gateway.url}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    client.stop();
    void gateway.close();
  });
}
