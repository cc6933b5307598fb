import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GatewayOptions } from '../context.ts';
import type { HostGuard } from './hosts.ts';

/**
 * Hands MQTT over WebSocket to the broker. An upgraded socket is no longer the server's: closing the server would
 * wait for it without end, so what was handed over is remembered, within the bound of all connections.
 */
export class Upgrades {
  readonly #hosts: HostGuard;
  readonly #webSocket: GatewayOptions['webSocket'];
  readonly #sockets = new Set<Duplex>();

  constructor(hosts: HostGuard, webSocket: GatewayOptions['webSocket']) {
    this.#hosts = hosts;
    this.#webSocket = webSocket;
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const path = (request.url ?? '').split('?', 1)[0];
    if (this.#hosts.fault(request)) refuse(socket, '403 Forbidden');
    else if (!this.#webSocket || path !== '/mqtt') refuse(socket, '404 Not Found');
    else {
      // From here on the broker's keepalive decides when silence is too long.
      request.socket.setTimeout(0);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#webSocket(request, socket, head);
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}
