import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../wait-for.ts';
import { Child, freePort, programNamed } from './child.ts';
import { HttpClient } from './http-client.ts';
import type { ServerUnderTest } from './server.ts';

const DATABASE = 'bench';

/** InfluxDB 1.6 of Debian with its own directories and loopback ports, otherwise as it comes: it syncs its write-ahead log. */
export const influx: ServerUnderTest = {
  name: 'influxdb',
  installed: () => programNamed('influxd') !== null,
  async start(bench, directory) {
    const [port, rpc] = [await freePort(), await freePort()];
    const config = join(directory, 'influxdb.conf');
    writeFileSync(config, configuration(directory, port, rpc));
    const child = new Child(programNamed('influxd')!, ['-config', config]);
    child.discardOutput();
    const http = `http://127.0.0.1:${port}`;
    const client = new HttpClient(http);
    await waitFor('InfluxDB', () => client.answers('/ping'), { withinMs: 20_000, signal: bench.signal });
    await client.text('POST', `/query?q=${encodeURIComponent(`CREATE DATABASE ${DATABASE}`)}`);
    return {
      name: 'influxdb',
      pid: child.pid,
      directory,
      mqtt: null,
      http,
      counted: () => counted(client),
      stop: async () => {
        client.close();
        await child.stop();
      },
      kill: () => child.kill(),
    };
  },
};

interface Answer {
  results: { series?: { values: [number, number][] }[] }[];
}

async function counted(client: HttpClient): Promise<number> {
  const query = encodeURIComponent('SELECT COUNT(used) FROM electricity');
  const answer = await client.json<Answer>(`/query?db=${DATABASE}&q=${query}`);
  return answer.results[0].series?.[0].values[0][1] ?? 0;
}

function configuration(directory: string, port: number, rpc: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${join(directory, 'meta')}"
[data]
  dir = "${join(directory, 'data')}"
  wal-dir = "${join(directory, 'wal')}"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[logging]
  level = "error"
`;
}
