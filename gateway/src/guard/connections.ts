import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from '../limits.ts';

type Bounds = Pick<HttpLimits, 'connections' | 'connectionsPerSource'>;

/** Bounds open sockets, all together and by source; what comes past the bound is closed at once. */
export function boundConnections(server: Server, { connections, connectionsPerSource }: Bounds): void {
  server.maxConnections = connections;
  const bySource = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? '';
    const open = (bySource.get(source) ?? 0) + 1;
    bySource.set(source, open);
    socket.once('close', () => {
      const left = (bySource.get(source) ?? 1) - 1;
      if (left > 0) bySource.set(source, left);
      else bySource.delete(source);
    });
    if (open > connectionsPerSource) socket.destroy();
  });
}
