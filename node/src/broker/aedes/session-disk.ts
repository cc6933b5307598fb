import { rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Level } from 'level';
import type { BrokerLog } from '../rejections.ts';

/** Keys of the session database. NUL parts them: no client id or topic that got this far holds one. */
export const KEYS = Object.freeze({
  retained: (topic: string) => `r\0${topic}`,
  session: (clientId: string) => `s\0${clientId}`,
  queue: (clientId: string, number: number) => `q\0${clientId}\0${String(number).padStart(12, '0')}`,
  incoming: (clientId: string, messageId: number) => `i\0${clientId}\0${messageId}`,
  will: (clientId: string) => `w\0${clientId}`,
});

const KINDS = { s: 'session', q: 'queue', i: 'incoming', w: 'will', r: 'retained' } as const;

export interface LoadedEntry {
  kind: (typeof KINDS)[keyof typeof KINDS];
  clientId: string;
  rest: string;
  value: Buffer;
}

/** As it stands on the disk. */
export type SessionEntry = [key: string, value: Uint8Array];

const FLUSH_MS = 100;
const RETRY_MS = 2_000;

/**
 * Writes behind: the newest value of each key goes out in one synced batch at most ten times a second. What waits is
 * bounded by what the sessions themselves may hold. A failed batch is kept and tried again.
 */
export class SessionDisk {
  readonly #db: Level<string, Buffer>;
  readonly #logger: BrokerLog;
  #dirty = new Map<string, Buffer | null>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;

  /** A database that does not open is set aside under another name: sessions are not worth refusing readings for. */
  static async open(dir: string, logger: BrokerLog): Promise<SessionDisk> {
    const open = async () => {
      const db = new Level<string, Buffer>(dir, { valueEncoding: 'buffer' });
      await db.open();
      // A fresh LevelDB may be unopenable after a power cut until something was written with sync.
      await db.put('opened', Buffer.alloc(4), { sync: true } as object);
      return db;
    };
    try {
      return new SessionDisk(await open(), logger);
    } catch (fault) {
      const aside = `${dir}.damaged-${Date.now()}`;
      logger.error({ err: fault, aside }, 'the sessions cannot be opened; they are set aside and begun anew');
      await rename(dir, aside);
      return new SessionDisk(await open(), logger);
    }
  }

  private constructor(db: Level<string, Buffer>, logger: BrokerLog) {
    this.#db = db;
    this.#logger = logger;
  }

  put(key: string, value: Buffer): void {
    const bytes = Buffer.allocUnsafe(4 + value.length);
    bytes.writeUInt32LE(crc32(value), 0);
    value.copy(bytes, 4);
    this.#dirty.set(key, bytes);
    this.#schedule(FLUSH_MS);
  }

  remove(key: string): void {
    this.#dirty.set(key, null);
    this.#schedule(FLUSH_MS);
  }

  async *load(): AsyncGenerator<LoadedEntry> {
    for await (const [key, bytes] of this.#db.iterator()) {
      const [letter, clientId, rest = ''] = key.split('\0');
      const kind = KINDS[letter as keyof typeof KINDS];
      if (!kind) continue;
      const value = bytes.subarray(4);
      if (bytes.readUInt32LE(0) === crc32(value)) yield { kind, clientId, rest, value };
      else this.#logger.error({ key }, 'an entry of the sessions fails its checksum and is left out');
    }
  }

  /** What is on the disk at this moment, whatever is written meanwhile. */
  async *entries(): AsyncGenerator<SessionEntry> {
    await this.flush();
    yield* this.#db.iterator();
  }

  async flush(): Promise<void> {
    if (this.#flushing) await this.#flushing;
    if (this.#dirty.size === 0) return;
    const batch = this.#dirty;
    this.#dirty = new Map();
    this.#flushing = this.#write(batch);
    await this.#flushing;
    this.#flushing = null;
  }

  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.flush();
    await this.#db.close();
  }

  async #write(batch: Map<string, Buffer | null>): Promise<void> {
    const operations = [...batch].map(([key, value]) =>
      value === null ? { type: 'del' as const, key } : { type: 'put' as const, key, value },
    );
    try {
      await this.#db.batch(operations, { sync: true } as object);
    } catch (fault) {
      this.#logger.error({ err: fault }, 'the sessions could not be written; they are tried again');
      for (const [key, value] of batch) if (!this.#dirty.has(key)) this.#dirty.set(key, value);
      this.#schedule(RETRY_MS);
    }
  }

  #schedule(ms: number): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, ms);
    this.#timer.unref();
  }
}
