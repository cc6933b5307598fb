import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** As the broker's own bound on a packet, so that a frame cannot be larger than what it may carry. */
const MAX_FRAME_BYTES = 512 * 1024;

/**
 * MQTT over WebSocket: frames are unwrapped here and piped to the broker, which applies to them what it
 * applies to any other socket. Closing one side closes the other.
 */
export function pipeWebSockets(mqtt: {
  host: string;
  port: number;
}): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) =>
      offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false,
  });
  return (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const outer = createWebSocketStream(webSocket);
      const inner = connect(mqtt.port, mqtt.host);
      const end = () => {
        outer.destroy();
        inner.destroy();
      };
      for (const stream of [outer, inner]) stream.on('error', end).on('close', end);
      outer.pipe(inner).pipe(outer);
    });
}
