import { parentPort, workerData } from 'node:worker_threads';
import {
  type BoardPorts,
  ConnectedBoard,
  type FromGateway,
  type GatewayMessage,
  type GatewaySetup,
  preferThisThread,
} from '@weir/node/client';
import { isWeirError } from '@weir/node/contract';
import pino from 'pino';
import type { Gateway } from './context.ts';
import { openTokenFile } from './guard/token-file.ts';
import { startGateway } from './start.ts';
import { pipeWebSockets } from './web-socket.ts';

/** What the gateway's own thread runs: serialising a large answer must not hold the broker's event loop. */
if (!parentPort) throw new Error('this file is the entry of a worker thread');
const port = parentPort;
preferThisThread();
const post = (message: FromGateway) => port.postMessage(message);
const { ports, gateway } = workerData as { ports: BoardPorts; gateway: GatewaySetup };
const client = new ConnectedBoard(ports);

async function start(): Promise<Gateway> {
  const opened = gateway.open ? null : openTokenFile(gateway.dataDir);
  const running = await startGateway({
    client,
    site: ports.site,
    listen: { host: gateway.host, port: gateway.port },
    open: gateway.open,
    uiDir: gateway.uiDir,
    version: ports.version,
    tokens: opened?.tokens ?? null,
    webSocket: pipeWebSockets(gateway.mqtt),
    logger: pino({ level: gateway.logLevel, base: null }, pino.destination(2)),
  });
  post({ kind: 'listening', url: running.url, firstToken: opened?.firstToken ?? null });
  return running;
}

function refuse(fault: unknown): null {
  const known = isWeirError(fault) ? fault : null;
  const message = fault instanceof Error ? fault.message : String(fault);
  post({ kind: 'refused', code: known?.code ?? null, message, suggestion: known?.suggestion ?? null });
  return null;
}

const starting = start().catch(refuse);
port.on('message', async (message: GatewayMessage) => {
  if (message.kind === 'shard-port') {
    client.reconnect(message.thread, message.port);
    return;
  }
  await (await starting)?.close();
  client.close();
  post({ kind: 'closed' });
  port.close();
});
