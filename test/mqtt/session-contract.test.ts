import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Where we differ on purpose. */
const DIFFERENT = [
  // Identifiers of subscriptions are of MQTT 5.
  'store and look up a subscription with an MQTT 5.0 subscription identifier',
  // A client with several filters that match gets a message once, at the highest QoS.
  'store and look up subscriptions by topic',
  // The payload of an inbound QoS 2 message is in the log, or with the subscribers; only its identifier is kept.
  'add incoming packet, get it, and clear with messageId',
];

test("the session store passes the contract suite of the library's own stores, but for three clauses", async () => {
  const suite = fileURLToPath(new URL('./session-contract.ts', import.meta.url));
  const output = await new Promise<string>((resolve) => {
    // The exit status is not 0 because of the three; what failed is read from the report.
    execFile(process.execPath, ['--test', '--test-reporter=tap', suite], (_fault, stdout) => resolve(stdout));
  });
  const failed = [...output.matchAll(/^ *not ok \d+ - (.*)$/gm)].map(([, name]) => name);
  expect(failed.filter((name) => !name.endsWith('.ts'))).toEqual(DIFFERENT);
  expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThanOrEqual(47);
}, 60_000);
