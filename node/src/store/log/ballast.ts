import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK_BYTES = 1024 * 1024;

/**
 * A file that only takes up room. LevelDB does not open on a full disk, since it writes when it opens; then the
 * ballast is thrown off, and is taken on again when there is space.
 */
export class Ballast {
  readonly #dir: string;
  readonly #path: string;
  readonly #bytes: number;
  #isHeld = false;

  constructor(dir: string, bytes: number) {
    this.#dir = dir;
    this.#path = join(dir, 'ballast');
    this.#bytes = bytes;
  }

  /** What it will take of the free space before anything else may. */
  get owedBytes(): number {
    return this.#isHeld ? 0 : this.#bytes;
  }

  async throwOff(): Promise<void> {
    this.#isHeld = false;
    await rm(this.#path, { force: true });
  }

  /** Does nothing when the disk would be left with less than `spareBytes`. */
  async takeOn(spareBytes: number): Promise<void> {
    const found = await stat(this.#path).catch(() => null);
    this.#isHeld = found?.size === this.#bytes || this.#bytes === 0;
    if (this.#isHeld) return;
    if ((await freeBytes(this.#dir)) < this.#bytes + spareBytes) return;
    const file = await open(this.#path, 'w');
    try {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, this.#bytes));
      for (let at = 0; at < this.#bytes; at += chunk.length) {
        await file.write(chunk, 0, Math.min(chunk.length, this.#bytes - at));
      }
      await file.sync();
      this.#isHeld = true;
    } finally {
      await file.close();
    }
  }
}

export async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
