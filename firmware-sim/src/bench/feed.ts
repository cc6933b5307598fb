import type { Beat } from '../utility/beats.ts';
import type { UtilityWorld } from '../utility/world.ts';
import type { Bench } from './bench.ts';
import { postLines } from './lines-client.ts';
import { HttpClient } from './servers/http-client.ts';
import type { RunningServer } from './servers/server.ts';
import { benchLine, lineBatches, Players, packTapes, type Span, singleTapes } from './workload.ts';

const PACK = 100;
const LINES = 10_000;
const PARALLEL_POSTS = 2;

/** How a server is fed. Encoding is done beforehand, so that it costs the measured time nothing. */
export interface Feed {
  /** `ratePerS` holds it back to so many readings a second. */
  prepare(span: Span, ratePerS?: number): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * Connections, and messages on their way on each: concentrators with packs, or gateways that pass on many devices.
 * With fewer on their way mosquitto waits for delayed TCP acknowledgements (Nagle) and shows less than it can.
 */
export const PACKED = { connections: 8, window: 64 };
export const SINGLE = { connections: 16, window: 500 };

export async function feedOf(
  bench: Bench,
  server: RunningServer,
  world: UtilityWorld,
  how: 'packs' | 'singles' = 'packs',
  line: (world: UtilityWorld, beat: Beat) => string = benchLine,
): Promise<Feed> {
  if (server.mqtt === null) return linesFeed(bench, server, world, line);
  const { connections, window } = how === 'packs' ? PACKED : SINGLE;
  const players = new Players(server.mqtt, connections, window);
  await players.open();
  return {
    prepare: async (span, ratePerS) => {
      const tapes =
        how === 'packs' ? packTapes(world, span, PACK, connections) : singleTapes(world, span, connections);
      return () => players.play(tapes, bench.signal, ratePerS);
    },
    close: () => players.close(),
  };
}

function linesFeed(
  bench: Bench,
  server: RunningServer,
  world: UtilityWorld,
  line: (world: UtilityWorld, beat: Beat) => string,
): Feed {
  const client = new HttpClient(server.http!);
  return {
    prepare: async (span, ratePerS) => {
      const batches = lineBatches(world, span, LINES, line);
      return () => postLines(client, batches, PARALLEL_POSTS, bench.signal, ratePerS);
    },
    close: async () => client.close(),
  };
}
