import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { waitFor } from '../wait-for.ts';
import { Child, freePort, programNamed } from './child.ts';
import type { ServerUnderTest } from './server.ts';

/** Debian's broker as it comes, without persistence: what it acknowledges is nowhere but in its memory. */
export const mosquitto: ServerUnderTest = {
  name: 'mosquitto',
  installed: () => programNamed('mosquitto') !== null,
  async start(bench, directory) {
    const port = await freePort();
    const config = join(directory, 'mosquitto.conf');
    writeFileSync(
      config,
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n`,
    );
    const child = new Child(programNamed('mosquitto')!, ['-c', config]);
    child.discardOutput();
    await waitFor('mosquitto', () => accepts(port), { withinMs: 10_000, signal: bench.signal });
    return {
      name: 'mosquitto',
      pid: child.pid,
      directory,
      mqtt: { host: '127.0.0.1', port },
      http: null,
      counted: async () => Number.POSITIVE_INFINITY,
      stop: () => child.stop(),
      kill: () => child.kill(),
    };
  },
};

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
