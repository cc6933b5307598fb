import { connect } from 'node:net';
import type { LiveChange, RollupAnswer } from '@weir/node/contract';
import { beforeAll, expect, test } from 'vitest';
import { type Appliance, until } from './appliance.ts';
import { appliance } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { MINUTE_MS, type Reading } from './readings.ts';

let weir: Appliance;
beforeAll(async () => {
  weir = await appliance();
});

interface Feed {
  changes: { change: LiveChange; atMs: number }[];
  ended: boolean;
  close(): void;
}

async function watch(query: string): Promise<Feed> {
  const control = new AbortController();
  const answer = await fetch(new URL(`/api/v1/live?${query}`, weir.http), { signal: control.signal });
  expect(answer.status).toBe(200);
  const feed: Feed = { changes: [], ended: false, close: () => control.abort() };
  void (async () => {
    let pending = '';
    for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (pending + text).split('\n\n');
      pending = blocks.pop()!;
      for (const block of blocks) {
        const data = /^event: change\ndata: (.*)$/s.exec(block)?.[1];
        if (data) feed.changes.push({ change: JSON.parse(data), atMs: performance.now() });
      }
    }
  })().catch(() => {
    // Ended by this test, or by the appliance: either way there is no more.
    feed.ended = true;
  });
  return feed;
}

const reading = (meter: string, ts: number): Reading => ({ meter, ts, kwh: 5, used: 1, state: 'NY' });

test('a change reaches a viewer within a second, and shows the whole bucket', async () => {
  const feed = await watch('rollup=usage&by=meter&where.meter=live');
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  const base = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS;
  for (let count = 1; count <= 5; count++) {
    await publisher.single(reading('live', base + count));
    await publisher.settle();
    const ackedMs = performance.now();
    const shows = () => feed.changes.find(({ change }) => change.series[0]?.values.readings[0] === count);
    await until(`the change that counts ${count}`, () => shows() !== undefined, 5_000);
    expect(shows()!.atMs - ackedMs).toBeLessThan(1_000);
  }
  const { change } = feed.changes[feed.changes.length - 1];
  expect(change).toMatchObject({ rollup: 'usage', tier: '1m', step: MINUTE_MS });
  expect(change.series).toHaveLength(1);
  expect(change.series[0]).toMatchObject({ by: { meter: 'live' }, time: [base] });
  feed.close();
  await publisher.close();
});

test('a late reading moves the bucket that it belongs to', async () => {
  const feed = await watch('rollup=usage&by=meter&where.meter=late');
  const publisher = await Publisher.open(weir.mqttPort, new Oracle());
  const old = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 120 * MINUTE_MS;
  await publisher.single(reading('late', old + 5));
  await until(
    'the old bucket',
    () => feed.changes.some(({ change }) => change.series[0]?.time.includes(old)),
    5_000,
  );
  feed.close();
  await publisher.close();
});

test('row 66: a viewer that stops reading is dropped, and the others go on', async () => {
  const url = new URL(weir.http);
  const stuck = connect({ host: url.hostname, port: Number(url.port) });
  let closed = false;
  stuck.on('error', () => {
    closed = true;
  });
  stuck.on('close', () => {
    closed = true;
  });
  stuck.write(`GET /api/v1/live?rollup=usage&by=meter HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  await new Promise((resolve) => stuck.once('data', resolve));
  stuck.pause();
  const feed = await watch('rollup=usage&by=meter');
  const publisher = await Publisher.open(weir.mqttPort, new Oracle(), { window: 4 });
  const base = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 120 * MINUTE_MS;
  const droppedOf = async () => {
    const text = await (await fetch(new URL('/metrics', weir.http))).text();
    return Number(/^weir_\w*dropped\w* (\d+)/m.exec(text)?.[1] ?? -1);
  };
  expect(await droppedOf()).toBe(0);
  // Each round changes 90 minutes of 90 meters, which is some 400 KB of change for each viewer.
  let round = 0;
  await until(
    'the viewer to be dropped',
    async () => {
      round++;
      for (let minute = 0; minute < 90; minute++) {
        const pack = Array.from({ length: 90 }, (_, at) =>
          reading(`w${at}`, base + minute * MINUTE_MS + round),
        );
        await publisher.pack(pack);
      }
      await publisher.settle();
      return (await droppedOf()) === 1;
    },
    18_000,
  );
  const seen = feed.changes.length;
  await publisher.single(reading('w1', base + 999));
  await until('the other viewer to go on', () => feed.changes.length > seen, 5_000);
  stuck.resume();
  await until('the end of the stuck stream', () => closed, 5_000);
  feed.close();
  await publisher.close();
}, 40_000);

test('row 63: a year is answered from a coarser tier, and what is too much is refused', async () => {
  const auto = await weir.json<RollupAnswer>('/api/v1/rollups/usage?from=-365d&by=meter&limit=100');
  expect(auto.tier).toBe('1d');
  expect((auto.to - auto.from) / auto.step).toBeLessThanOrEqual(500);
  const fine = await weir.json<RollupAnswer>('/api/v1/rollups/usage?from=-365d&step=1s');
  expect(fine.step).toBeGreaterThanOrEqual(3_600_000);
  const most = await fetch(new URL('/api/v1/rollups/usage?from=-6d&step=1m&by=meter&limit=1000', weir.http));
  expect(most.status).toBe(400);
  expect(await most.json()).toMatchObject({ error: { code: 'WEIR_TOO_MUCH', field: 'step' } });
});

test('row 63: a question whose client has gone does not hold up the others', async () => {
  const control = new AbortController();
  const asked = Array.from({ length: 20 }, () =>
    fetch(new URL('/api/v1/rollups/usage?from=-2h&step=1m&by=meter&limit=1000', weir.http), {
      signal: control.signal,
    }).catch((fault: Error) => fault.name),
  );
  control.abort();
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['AbortError']));
  const startedMs = performance.now();
  expect(await weir.status('/api/v1/rollups/usage?from=-1h')).toBe(200);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});
