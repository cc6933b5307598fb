import type { Bench } from '../bench.ts';

/** A program that a benchmark can start with an empty directory, load, and end. */
export interface ServerUnderTest {
  name: string;
  start(bench: Bench, directory: string): Promise<RunningServer>;
  installed(): boolean;
}

export interface RunningServer {
  name: string;
  pid: number;
  directory: string;
  /** Where readings go in over MQTT, if they do. */
  mqtt: { host: string; port: number } | null;
  /** Where it answers over HTTP, if it does. */
  http: string | null;
  /** Readings that a query sees, whatever that takes. */
  counted(): Promise<number>;
  /** SIGTERM, then SIGKILL when that is not enough. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The same program under another name, for a benchmark that loads it in two ways. */
export function named(server: ServerUnderTest, name: string): ServerUnderTest {
  return {
    name,
    installed: server.installed,
    start: async (bench, directory) => ({ ...(await server.start(bench, directory)), name }),
  };
}
