import { waitFor } from '../wait-for.ts';
import { Child, freePort, programNamed } from './child.ts';
import { HttpClient } from './http-client.ts';
import type { ServerUnderTest } from './server.ts';

/** victoria-metrics of Debian, as it comes. It neither syncs before it answers nor rolls up. */
export const victoria: ServerUnderTest = {
  name: 'victoria-metrics',
  installed: () => programNamed('victoria-metrics') !== null,
  async start(bench, directory) {
    const port = await freePort();
    const http = `http://127.0.0.1:${port}`;
    const child = new Child(programNamed('victoria-metrics')!, [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${directory}`,
      '-retentionPeriod=10y',
      '-search.maxUniqueTimeseries=10000000',
      '-search.maxSamplesPerQuery=1000000000',
      '-search.maxQueryDuration=5m',
      '-search.disableCache',
    ]);
    child.discardOutput();
    const client = new HttpClient(http);
    await waitFor('victoria-metrics', () => client.answers('/health'), {
      withinMs: 20_000,
      signal: bench.signal,
    });
    return {
      name: 'victoria-metrics',
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
  data: { result: { value: [number, string] }[] };
}

/** Recent rows wait in buffers for about a second; the flush makes them visible, as an impatient user would. */
async function counted(client: HttpClient): Promise<number> {
  await client.text('GET', '/internal/force_flush');
  const query = encodeURIComponent('sum(count_over_time(electricity_used[30d]))');
  const time = Math.floor(Date.now() / 1000) + 60;
  const answer = await client.json<Answer>(`/api/v1/query?query=${query}&time=${time}&nocache=1`);
  return Number(answer.data.result[0]?.value[1] ?? 0);
}
