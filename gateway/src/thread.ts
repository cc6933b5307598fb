import { parentPort } from 'node:worker_threads';
import {
  type BoardPorts,
  ConnectedBoard,
  type FromGateway,
  type GatewayMessage,
  type GatewaySetup,
  preferThisThread,
  settleThread,
} from '@weir/node/client';
import { isWeirError } from '@weir/node/contract';
import pino from 'pino';
import type { Gateway } from './context.ts';
import { openAccessFiles } from './guard/access-files.ts';
import { prepareGateway } from './start.ts';
import { pipeWebSockets } from './web-socket.ts';

/** What the gateway's own thread runs: serialising a large answer must not hold the broker's event loop. */
if (!parentPort) throw new Error('this file is the entry of a worker thread');
const port = parentPort;
settleThread();
const post = (message: FromGateway) => port.postMessage(message);
const mqtt = Promise.withResolvers<{ host: string; port: number }>();
let client: ConnectedBoard | null = null;
let starting: Promise<Gateway | null> = Promise.resolve(null);

async function start(board: ConnectedBoard, ports: BoardPorts, setup: GatewaySetup): Promise<Gateway> {
  const opened = setup.open ? null : await openAccessFiles(setup.dataDir);
  let pipe: ReturnType<typeof pipeWebSockets> | null = null;
  const prepared = await prepareGateway({
    client: board,
    site: ports.site,
    listen: { host: setup.host, port: setup.port },
    open: setup.open,
    uiDir: setup.uiDir,
    version: ports.version,
    tokens: opened?.tokens ?? null,
    users: opened?.users ?? null,
    webSocket: (request, socket, head) => pipe?.(request, socket, head),
    logger: pino({ level: setup.logLevel, base: null }, pino.destination(2)),
  });
  pipe = pipeWebSockets(await mqtt.promise);
  const running = await prepared.listen();
  post({ kind: 'listening', url: running.url, firstToken: opened?.firstToken ?? null });
  return running;
}

function refuse(fault: unknown): null {
  const known = isWeirError(fault) ? fault : null;
  const message = fault instanceof Error ? fault.message : String(fault);
  post({ kind: 'refused', code: known?.code ?? null, message, suggestion: known?.suggestion ?? null });
  return null;
}

port.on('message', async (message: GatewayMessage) => {
  switch (message.kind) {
    case 'begin':
      preferThisThread();
      client = new ConnectedBoard(message.ports);
      starting = start(client, message.ports, message.gateway).catch(refuse);
      return;
    case 'listen':
      mqtt.resolve(message.mqtt);
      return;
    case 'shard-port':
      client?.reconnect(message.thread, message.port);
      return;
    case 'close':
      await (await starting)?.close();
      client?.close();
      post({ kind: 'closed' });
      port.close();
  }
});
