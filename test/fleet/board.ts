import type { Credentials } from '../../firmware-sim/src/send/connect-frame.ts';
import { must } from '../run.ts';

/** An emulated board on a busy machine; one that hangs must still end the test. */
const ANSWER_MS = 600_000;

/** How an operator reaches one board: ssh, and the ports of MQTT and HTTP as they are seen from here. */
export interface Reach {
  name: string;
  ssh: string[];
  host: string;
  mqttPort: number;
  http: string;
}

/** Where a board that the plays have set up keeps its own token, and one that was flashed that of the first visit. */
export const TOKEN_OF_PLAYS = '/etc/weir/token';
export const TOKEN_OF_FLASH = '/var/lib/weir/first-token';

/** One board that runs, asked over its ports as devices and people do. */
export class Board {
  readonly reach: Reach;
  readonly #token: string;

  private constructor(reach: Reach, token: string) {
    this.reach = reach;
    this.#token = token;
  }

  static async of(reach: Reach, token = TOKEN_OF_PLAYS): Promise<Board> {
    return new Board(reach, (await must([...reach.ssh, 'cat', token])).trim());
  }

  /** Its output on the board; it must succeed. */
  async on(...line: string[]): Promise<string> {
    return must([...this.reach.ssh, ...line]);
  }

  async json<T>(path: string): Promise<T> {
    const answer = await fetch(new URL(path, this.reach.http), {
      headers: { authorization: `Bearer ${this.#token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body = await answer.text();
    if (answer.status !== 200)
      throw new Error(`${this.reach.name}: ${path} answers ${answer.status}: ${body.slice(0, 500)}`);
    return JSON.parse(body) as T;
  }

  /** Credentials of a device that may send what the loads send. */
  async addDevice(id: string): Promise<Credentials> {
    const weir = ['runuser', '-u', 'weir', '--', 'weir'];
    const added = await this.on(
      ...weir,
      'device',
      'add',
      id,
      '--publish',
      "'meters/#,packs/#'",
      '--data',
      '/var/lib/weir',
      '--json',
    );
    return { clientId: id, username: id, password: (JSON.parse(added) as { password: string }).password };
  }

  async release(): Promise<string> {
    return (await this.on('readlink', '/opt/weir/current')).trim().replace('releases/', '');
  }
}
