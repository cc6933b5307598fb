import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Appliance, until } from './appliance.ts';
import { finallyDo, temporaryDir } from './harness.ts';

const LONG = 180_000;
const UNIT = join(import.meta.dirname, '..', '..', 'provision', 'debian', 'weir.service');

test('the service waits neither for a network nor for the right time', () => {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  const awaited = lines
    .filter((line) => /^(?:After|Wants|Requires|Requisite|BindsTo)=/.test(line))
    .flatMap((line) => line.split('=')[1].split(' '));
  // `network.target` says that the network's own service has begun, not that there is one.
  expect(awaited.sort()).toEqual(['local-fs.target', 'network.target']);
});

test.runIf(process.getuid?.() === 0)(
  'a board without any network starts, and answers when there is one',
  async () => {
    const everywhere = ['--mqtt', '0.0.0.0:0', '--http', '0.0.0.0:0'];
    const running = await Appliance.start({
      data: await temporaryDir(),
      open: false,
      under: ['unshare', '--net'],
      more: everywhere,
    });
    finallyDo(() => running.kill());
    const inside = (...command: string[]) =>
      execFileSync('nsenter', ['--target', String(running.pid), '--net', ...command], { encoding: 'utf8' });
    // Not even loopback is up in a network namespace of one's own.
    expect(inside('ip', '-brief', 'link')).toMatch(/^lo +DOWN/);
    inside('ip', 'link', 'set', 'lo', 'up');
    const port = new URL(running.http).port;
    const ask = `fetch('http://127.0.0.1:${port}/readyz').then((answer) => process.exit(answer.status === 200 ? 0 : 1))`;
    await until('it to be ready', async () => {
      inside(process.execPath, '-e', ask);
      return true;
    });
  },
  LONG,
);
