import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { supervisorOf, watchdogMs } from './supervisor.ts';

const PATH = process.env.PATH;
afterEach(() => {
  process.env.PATH = PATH;
});

/** A `systemd-notify` that writes down what it was told. */
function notifyInto(exit = 0): () => string[] {
  const dir = mkdtempSync(join(tmpdir(), 'weir-notify-'));
  const said = join(dir, 'said');
  writeFileSync(said, '');
  writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\necho "$*" >> ${said}\nexit ${exit}\n`);
  chmodSync(join(dir, 'systemd-notify'), 0o755);
  process.env.PATH = `${dir}${delimiter}${PATH}`;
  return () => readFileSync(said, 'utf8').split('\n').filter(Boolean);
}

const never = (fault: Error) => {
  throw fault;
};

test('says ready, signs of life until it stops, and stopping', async () => {
  const said = notifyInto();
  const asked = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '20000', WATCHDOG_PID: '7' };
  const supervisor = supervisorOf(asked, 7, never);
  supervisor.ready('pages on 8080');
  await vi.waitFor(
    () => expect(said().filter((line) => line === 'WATCHDOG=1').length).toBeGreaterThan(1),
    15_000,
  );
  supervisor.stopping();
  await vi.waitFor(() => expect(said()).toContain('STOPPING=1'), 15_000);
  expect(said()).toContain('READY=1 STATUS=pages on 8080');
});

test('without a supervisor nothing is started', async () => {
  const said = notifyInto();
  const supervisor = supervisorOf({ WATCHDOG_USEC: '20000' }, 7, never);
  supervisor.ready('x');
  supervisor.stopping();
  expect(said()).toEqual([]);
});

test('a systemd-notify that fails is told of', async () => {
  notifyInto(3);
  const faults: string[] = [];
  supervisorOf({ NOTIFY_SOCKET: '/run/x' }, 7, (fault) => faults.push(fault.message)).ready('x');
  await vi.waitFor(() => expect(faults).toEqual(['systemd-notify READY=1 STATUS=x ended with 3']), 15_000);
});

test('the watchdog of another process is none', () => {
  expect(watchdogMs({ WATCHDOG_USEC: '60000000' }, 7)).toBe(60_000);
  expect(watchdogMs({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, 7)).toBe(0);
  expect(watchdogMs({}, 7)).toBe(0);
  expect(watchdogMs({ WATCHDOG_USEC: 'soon' }, 7)).toBe(0);
});
