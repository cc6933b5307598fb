import { open, readFile, rename, rm, stat } from 'node:fs/promises';

const LOCK_MS = 10_000;
const TRY_AGAIN_MS = 20;

/** Null when there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fault;
  }
}

/**
 * Changes a file of who may enter: read, change, write to a new file, sync, rename. A reader sees the old or the new one, also
 * after a power cut; a lock file keeps writers apart. Nobody but its owner reads it.
 */
export async function changeFile(path: string, change: (before: string | null) => string): Promise<void> {
  const lock = `${path}.lock`;
  await takeLock(lock);
  try {
    const text = change(await readIfThere(path));
    const fresh = `${path}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<void> {
  const givenUpMs = Date.now() + LOCK_MS;
  for (;;) {
    try {
      await (await open(lock, 'wx', 0o600)).close();
      return;
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault;
    }
    // One that was left by a process that died does not lock the file for ever.
    const ageMs = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (ageMs > LOCK_MS || Date.now() > givenUpMs) await rm(lock, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
}
