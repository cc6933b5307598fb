import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { type Device, devicesPath, hashPassword, readDevices } from './device-file.ts';
import { getOrMake } from './get-or-make.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { BrokerLog } from './rejections.ts';
import { levelsMatch } from './topics.ts';

const WATCH_MS = 1_000;
/** Hashed when there is no such device, so that its absence does not show in the time that an answer takes. */
const NOBODY = { salt: 'nobody', hash: '', cost: 2 ** 10 };

/**
 * The devices of `devices.json`, read again when it changes. Passwords are hashed one at a time, since eight scrypts
 * at once keep the threads busy that the log's fsync needs; one that was right is known again by a keyed hash that
 * dies with the process, so that a storm of reconnects costs next to nothing [53].
 */
export class Credentials {
  readonly #dataDir: string;
  readonly #logger: BrokerLog;
  readonly #processKey = randomBytes(32);
  readonly #known = new Map<string, { hash: string; mac: Buffer }>();
  readonly #filters = new WeakMap<Device, string[][]>();
  readonly #onChange = new Set<() => void>();
  #devices = new Map<string, Device>();
  #hashing: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  static async open(dataDir: string, logger: BrokerLog): Promise<Credentials> {
    const credentials = new Credentials(dataDir, logger);
    credentials.#devices = await readDevices(dataDir);
    watchFile(devicesPath(dataDir), { interval: WATCH_MS, persistent: false }, credentials.#changed);
    return credentials;
  }

  private constructor(dataDir: string, logger: BrokerLog) {
    this.#dataDir = dataDir;
    this.#logger = logger;
  }

  find(id: string): Device | null {
    return this.#devices.get(id) ?? null;
  }

  /** Called after the file has changed. */
  onChange(listener: () => void): void {
    this.#onChange.add(listener);
  }

  mayPublish(device: Device, topic: string): boolean {
    const filters = getOrMake(this.#filters, device, () => device.publish.map((filter) => filter.split('/')));
    const levels = topic.split('/');
    for (const filter of filters) if (levelsMatch(filter, levels)) return true;
    return false;
  }

  /** True when the password was right a moment ago: costs microseconds, so it is never slowed. */
  isKnown(id: string, password: Uint8Array): boolean {
    const device = this.#devices.get(id);
    const known = this.#known.get(id);
    if (!device?.password || !known || known.hash !== device.password.hash) return false;
    return timingSafeEqual(known.mac, this.#mac(id, password));
  }

  /** Null when too many wait. */
  async verify(id: string, password: Uint8Array): Promise<boolean | null> {
    if (this.#waiting >= BROKER_LIMITS.loginsWaiting) return null;
    this.#waiting++;
    const turn = this.#hashing.then(() => this.#compare(id, password));
    this.#hashing = turn.catch((fault: unknown) =>
      this.#logger.error({ err: fault }, 'a password could not be hashed'),
    );
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  close(): void {
    unwatchFile(devicesPath(this.#dataDir), this.#changed);
  }

  async #compare(id: string, password: Uint8Array): Promise<boolean> {
    if (this.isKnown(id, password)) return true;
    const stored = this.#devices.get(id)?.password ?? NOBODY;
    const hash = await hashPassword(password, stored.salt, stored.cost);
    const expected = Buffer.from(stored.hash, 'base64url');
    if (expected.length !== hash.length || !timingSafeEqual(expected, hash)) return false;
    this.#known.set(id, { hash: stored.hash, mac: this.#mac(id, password) });
    return true;
  }

  #mac(id: string, password: Uint8Array): Buffer {
    return createHmac('sha256', this.#processKey).update(id).update('\0').update(password).digest();
  }

  readonly #changed = (): void => {
    readDevices(this.#dataDir).then(
      (devices) => {
        this.#devices = devices;
        for (const id of this.#known.keys()) if (!devices.has(id)) this.#known.delete(id);
        for (const listener of this.#onChange) listener();
      },
      // The devices that are known stay: half a file must not lock everybody out.
      (fault: unknown) =>
        this.#logger.error({ err: fault }, 'devices.json cannot be read; the former one is used'),
    );
  };
}
