import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeirError } from '../contract/index.ts';
import { assertName, assertOnlyBackup, isName, type Place, type PlacedFile, UNFINISHED } from './place.ts';

/** What a disk says when it takes nothing, and what a person can do about. */
const UNAVAILABLE: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'it can only be read',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a part of the path is no directory',
  EIO: 'the disk refuses',
};

/** A directory of this machine: a USB disk, a network mount. Links in it are never followed. */
export class DirectoryPlace implements Place {
  readonly name: string;
  readonly #root: string;
  readonly #made = new Set<string>();

  constructor(root: string) {
    this.#root = root;
    this.name = root;
  }

  async prepare(): Promise<void> {
    await this.#available(async () => {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      const names = await readdir(this.#root);
      for (const name of names.filter((one) => one.startsWith(UNFINISHED)))
        await rm(join(this.#root, name), { force: true });
      assertOnlyBackup(this.#root, names);
    });
  }

  async list(folder: string): Promise<PlacedFile[]> {
    const found: PlacedFile[] = [];
    for (const entry of await entriesOf(join(this.#root, folder))) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name)) found.push(...(await this.list(name)));
      if (!entry.isFile() || !isName(name)) continue;
      const { size, mtimeMs } = await lstat(join(this.#root, name));
      found.push({ name, bytes: size, ageMs: Date.now() - mtimeMs });
    }
    return found;
  }

  async read(name: string, maxBytes: number): Promise<Buffer | null> {
    assertName(name);
    const file = await openPlain(join(this.#root, name), name);
    if (file === null) return null;
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > maxBytes)
        throw new WeirError('WEIR_BACKUP_DAMAGED', `${name} is no file, or larger than ${maxBytes} bytes`);
      const bytes = Buffer.alloc(stat.size);
      const { bytesRead } = await file.read(bytes, 0, stat.size, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    assertName(name);
    await this.#available(() => this.#write(name, bytes));
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#root, name);
    const unfinished = join(this.#root, `${UNFINISHED}${process.pid}`);
    await this.#makeFolder(dirname(path));
    const file = await open(unfinished, 'w+', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
      await assertSame(file, bytes, name);
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncPath(dirname(path));
  }

  async remove(name: string): Promise<void> {
    assertName(name);
    await rm(join(this.#root, name), { force: true });
  }

  async close(): Promise<void> {}

  async #available(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const why = UNAVAILABLE[(cause as NodeJS.ErrnoException).code ?? ''];
      if (why === undefined) throw cause;
      throw new WeirError('WEIR_BACKUP_UNAVAILABLE', `${this.#root}: ${why}`, {
        cause,
        suggestion: 'Mend that and start again; it goes on where it was.',
      });
    }
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#made.has(path)) return;
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined) await syncPath(dirname(path));
    this.#made.add(path);
  }
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fault;
  }
}

/** Neither through a link, nor held up by a pipe that nobody writes to. */
async function openPlain(path: string, name: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new WeirError('WEIR_BACKUP_DAMAGED', `${name} cannot be read: ${code}`, { cause });
  }
}

async function assertSame(file: FileHandle, bytes: Uint8Array, name: string): Promise<void> {
  const back = Buffer.alloc(bytes.length);
  const { bytesRead } = await file.read(back, 0, back.length, 0);
  if (bytesRead !== bytes.length || !back.equals(bytes))
    throw new WeirError('WEIR_BACKUP_DAMAGED', `${name} was written and reads back as something else`);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (fault) {
    // Some file systems of sticks and networks cannot sync a directory; they write it as they go.
    if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes((fault as NodeJS.ErrnoException).code ?? '')) throw fault;
  } finally {
    await handle.close();
  }
}
