import type { LedgerAnswer } from '@weir/node/contract';
import { selfArgs } from '@weir/node/shipped';
import type { Bench } from '../bench.ts';
import { siteFile } from '../site-file.ts';
import { waitFor } from '../wait-for.ts';
import { Child } from './child.ts';
import { HttpClient } from './http-client.ts';
import type { RunningServer, ServerUnderTest } from './server.ts';

const UP_MS = 120_000;

interface Ready {
  mqtt: string;
  http: string;
  pid: number;
}

/** The product itself, started as an operator starts it, with a site file of the benchmarks. */
export function weir(site: string): ServerUnderTest {
  const file = siteFile(site);
  return {
    name: 'weir',
    installed: () => true,
    start: (bench, directory) => startWeir(bench, directory, file),
  };
}

/** Also starts again over a directory that an earlier run left. */
export async function startWeir(bench: Bench, directory: string, file: string): Promise<RunningServer> {
  const places = ['--data', directory, '--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const child = new Child(process.execPath, [...selfArgs(), 'up', file, '--open', '--json', ...places]);
  const ready = JSON.parse(await child.firstLine(UP_MS)) as Ready;
  const client = new HttpClient(ready.http);
  await waitFor('Weir to be ready', () => client.answers('/readyz'), {
    withinMs: UP_MS,
    signal: bench.signal,
  });
  const [host, port] = ready.mqtt.split(':');
  return {
    name: 'weir',
    pid: ready.pid,
    directory,
    mqtt: { host, port: Number(port) },
    http: ready.http,
    counted: () => counted(client),
    stop: async () => {
      client.close();
      await child.stop();
    },
    kill: () => child.kill(),
  };
}

/** What the ledger says; it answers after everything acknowledged has been applied. */
async function counted(client: HttpClient): Promise<number> {
  return (await client.json<LedgerAnswer>('/api/v1/ledger?stream=electricity')).counted;
}
