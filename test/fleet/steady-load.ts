import type { Credentials } from '../../firmware-sim/src/send/connect-frame.ts';
import { until } from '../product/appliance.ts';
import type { Verdict } from '../product/oracle.ts';
import { Oracle } from '../product/oracle.ts';
import { Publisher } from '../product/publisher.ts';
import { Meters, seeded } from '../product/readings.ts';
import { verify } from '../product/verify.ts';
import type { Board } from './board.ts';

const METERS = 40;
const PACK = 20;
/** A board on a busy machine, after a switch of releases. */
const CONNECT_MS = 3_600_000;
/** Between two packs, so that a host beside others is loaded and not drowned. */
const EVERY_MS = 20;

/**
 * Devices that keep sending whatever happens to the board: they reconnect, and send again what was not acknowledged. The
 * oracle knows of every reading that was sent and of each that was acknowledged, so that nothing acked can be missing.
 */
export class SteadyLoad {
  readonly oracle = new Oracle();
  readonly #board: Board;
  readonly #who: Credentials;
  readonly #meters: Meters;
  #publisher: Publisher | null = null;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();
  connections = 0;

  private constructor(board: Board, who: Credentials, seed: number) {
    this.#board = board;
    this.#who = who;
    this.#meters = new Meters(METERS, Date.now() - 3 * 3_600_000, seeded(seed), 'p');
  }

  /** One for each board: its oracle knows of all that the board was ever sent. */
  static async of(board: Board, seed: number): Promise<SteadyLoad> {
    return new SteadyLoad(board, await board.addDevice(`load${seed}`), seed);
  }

  async start(): Promise<void> {
    this.#stopping = false;
    this.#ended = this.#keepSending();
    // An end of the load that nobody waits for yet is told by `stop`.
    this.#ended.catch(() => {});
    await this.acked(500);
  }

  /** Waits for so many more acknowledged readings. */
  async acked(more: number): Promise<void> {
    const goal = this.oracle.ackedReadings + more;
    await until(`${more} more acknowledged readings`, () => this.oracle.ackedReadings >= goal, CONNECT_MS);
  }

  /** Sends no more; what is under way is given up, as by a device that is switched off. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#publisher?.close();
    await this.#ended;
  }

  /**
   * What is wrong on the board: first as it is, when all that is not acknowledged may be counted or not, and again after
   * that has been sent once more.
   */
  async judge(): Promise<Verdict> {
    const before = await verify(this.#board, this.oracle);
    const publisher = await this.#connect();
    await this.#sendAgain(publisher);
    await publisher.close();
    const after = await verify(this.#board, this.oracle);
    return {
      lost: Math.max(before.lost, after.lost),
      twice: Math.max(before.twice, after.twice),
      wrong: [...before.wrong, ...after.wrong],
    };
  }

  async #keepSending(): Promise<void> {
    while (!this.#stopping) {
      const publisher = await this.#connect();
      this.#publisher = publisher;
      this.connections++;
      try {
        await this.#sendAgain(publisher);
        while (!this.#stopping && (await publisher.pack(this.#meters.take(PACK)))) await pause(EVERY_MS);
      } catch (fault) {
        // A connection that breaks is what this load is for; anything else is not.
        if (fault !== publisher.broken) throw fault;
      }
      await publisher.close();
    }
  }

  async #connect(): Promise<Publisher> {
    const { host, mqttPort } = this.#board.reach;
    let publisher: Publisher | null = null;
    await until(
      'the broker to take the device',
      async () => {
        publisher = await Publisher.open(mqttPort, this.oracle, { host, who: this.#who, window: 8 });
        return true;
      },
      CONNECT_MS,
    );
    return publisher!;
  }

  async #sendAgain(publisher: Publisher): Promise<void> {
    const open = this.oracle.maybe();
    for (let at = 0; at < open.length; at += PACK) await publisher.pack(open.slice(at, at + PACK), true);
    await publisher.settle();
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
