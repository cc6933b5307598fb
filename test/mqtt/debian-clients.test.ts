import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { after, reading, running, until } from './broker-harness.ts';

/** Debian's own clients, where they are installed: another implementation's idea of the protocol. */
const installed = (() => {
  try {
    execFileSync('which', ['mosquitto_pub', 'mosquitto_sub']);
    return true;
  } catch {
    return false;
  }
})();

/** Not the synchronous way: the broker lives in this process. */
async function publish(args: string[], input: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = execFile('mosquitto_pub', args, (fault) => (fault ? reject(fault) : resolve()));
    child.stdin?.end(input);
  });
}

test.runIf(installed)('mosquitto_pub sends readings at each QoS, mosquitto_sub hears them all', async () => {
  const { port, log, broker } = await running();
  const at = ['-h', '127.0.0.1', '-p', String(port)];
  const sub = spawn('mosquitto_sub', [
    ...at,
    '-i',
    'sub',
    '-q',
    '1',
    '-t',
    'meters/#',
    '-C',
    '600',
    '-F',
    '%t %p',
  ]);
  after(async () => void sub.kill());
  let heard = '';
  sub.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  const ended = once(sub, 'exit');
  await until('it listens', () => broker.stats().clients === 1);
  // SUBSCRIBE is under way with CONNACK; a log-in of another client comes after it.
  await publish([...at, '-t', 'other', '-m', 'x'], '');
  const sent: string[] = [];
  for (const qos of ['0', '1', '2']) {
    const lines = Array.from({ length: 200 }, () => reading());
    sent.push(...lines);
    const input = `${lines.join('\n')}\n`;
    await publish([...at, '-i', 'pub', '-q', qos, '-t', 'meters/m1/electricity', '-l'], input);
  }
  await ended;
  expect(log.readings).toBe(600);
  expect(heard.trim().split('\n').sort()).toEqual(sent.map((one) => `meters/m1/electricity ${one}`).sort());
});
