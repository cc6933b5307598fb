import { Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import type { Gateway, GatewayOptions } from '../context.ts';
import { startGateway } from '../index.ts';
import { createFakeBoard, type FakeBoard } from './fake-board.ts';

/** The clock of the tests, at noon, so that days and tiers lie where a reader expects them. */
export const NOON = Date.UTC(2026, 5, 15, 12);

export interface Started {
  gateway: Gateway;
  board: FakeBoard;
  /** Lines of the log, as they were written. */
  log: string[];
  get(path: string, init?: RequestInit): Promise<Response>;
}

const running: Gateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

/** A gateway over a fake board on a port of its own; it closes with the test. */
export async function withGateway(options: Partial<GatewayOptions> = {}): Promise<Started> {
  const board = createFakeBoard({ now: () => NOON });
  const log: string[] = [];
  const gateway = await startGateway({
    client: board,
    site: board.site(),
    listen: { host: '127.0.0.1', port: 0 },
    open: true,
    uiDir: null,
    version: '1.2.3',
    logger: pino({ level: 'info' }, { write: (line: string) => log.push(line) }),
    now: () => NOON,
    ...options,
  });
  running.push(gateway);
  return { gateway, board, log, get: (path, init) => fetch(`${gateway.url}${path}`, init) };
}

export interface Answered {
  text: string;
  closed: boolean;
}

/** Writes bytes that no client library would write, and reads until the other side closes or `until` is seen. */
export function rawRequest(
  port: number,
  bytes: string | Buffer,
  until: (text: string) => boolean = () => false,
): Promise<Answered> {
  return new Promise((resolve) => {
    const socket = new Socket();
    let text = '';
    const finish = (closed: boolean): void => {
      socket.destroy();
      resolve({ text, closed });
    };
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (until(text)) finish(false);
    });
    socket.connect(port, '127.0.0.1', () => socket.write(bytes));
  });
}

export const isWholeHead = (text: string): boolean => text.includes('\r\n\r\n');

/** Waits until something is so, looking at each turn of the loop; the test's own timeout is the bound. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
