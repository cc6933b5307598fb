import { expect, test } from 'vitest';
import { reading, running, until } from './broker-harness.ts';
import { mutatePackets } from './mutate.ts';
import { RawClient } from './raw-client.ts';

test('row 41: 20,000 mutated packets leave the broker serving, with nothing kept of those who sent them', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let lines = 0;
  const errors: unknown[] = [];
  const logger = { info() {}, warn: () => void lines++, error: (fields: object) => void errors.push(fields) };
  const { port, broker, durable } = await running({ logger });
  const beganMs = performance.now();
  await mutatePackets(port, 20_000, seed);
  const seconds = (performance.now() - beganMs) / 1000;
  await until(`all connections are gone, seed ${seed}`, () => broker.stats().connections === 0);
  const client = await RawClient.enter(port, 'well');
  client.publish('meters/well/electricity', reading(), 1, 1);
  await client.next('puback');
  // What a connection that is gone had sent may become durable beside it.
  const of = durable.flatMap(({ sections }) => sections);
  expect(
    of.filter(({ keyBytes }) => Buffer.from(keyBytes).includes('well')),
    `seed ${seed}`,
  ).toHaveLength(1);
  expect(errors, `seed ${seed}`).toEqual([]);
  // Five lines and one sum a second for each of the reasons.
  expect(lines, `seed ${seed}`).toBeLessThan((seconds + 2) * 6 * Object.keys(broker.rejected()).length);
  client.close();
}, 60_000);
