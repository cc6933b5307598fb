import { MessageChannel } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { WeirError } from '../contract/index.ts';
import { Caller, serveCalls } from './rpc.ts';

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1 } of channels.splice(0)) port1.close();
});

function pair(handlers: Parameters<typeof serveCalls>[1], onPush?: (value: unknown) => void) {
  const channel = new MessageChannel();
  channels.push(channel);
  return { server: serveCalls(channel.port1, handlers), caller: new Caller(channel.port2, onPush), channel };
}

test('a call is answered with what the handler returns', async () => {
  const { caller } = pair({ double: (n: number) => n * 2 });
  expect(await caller.call('double', 21)).toBe(42);
});

test('a fault keeps its code, field and suggestion', async () => {
  const { caller } = pair({
    fail: () => {
      throw new WeirError('WEIR_NOT_FOUND', 'no rollup usge', { field: 'rollup', suggestion: 'usage' });
    },
  });
  const fault = await caller.call('fail', null).catch((caught: unknown) => caught);
  expect(fault).toBeInstanceOf(WeirError);
  expect(fault).toMatchObject({ code: 'WEIR_NOT_FOUND', field: 'rollup', suggestion: 'usage' });
});

test('names of Object.prototype are no methods', async () => {
  const { caller } = pair({});
  await expect(caller.call('constructor', null)).rejects.toThrow('no method constructor');
});

test('an aborted call rejects at once and aborts the handler', async () => {
  const aborted = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const { caller } = pair({
    wait: (_: null, signal: AbortSignal) => {
      started.resolve();
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.resolve();
          resolve(null);
        });
      });
    },
  });
  const control = new AbortController();
  const answer = caller.call('wait', null, control.signal);
  await started.promise;
  control.abort(new Error('viewer left'));
  await expect(answer).rejects.toThrow('viewer left');
  await aborted.promise;
});

test('calls that are open when the port closes reject with WEIR_NOT_READY', async () => {
  const { caller, channel } = pair({ hang: () => new Promise(() => {}) });
  const answer = caller.call('hang', null);
  channel.port1.close();
  await expect(answer).rejects.toMatchObject({ code: 'WEIR_NOT_READY' });
});

test('a push reaches the caller', async () => {
  const pushed = Promise.withResolvers<unknown>();
  const { server } = pair({}, pushed.resolve);
  server.push({ changed: 1 });
  expect(await pushed.promise).toEqual({ changed: 1 });
});
