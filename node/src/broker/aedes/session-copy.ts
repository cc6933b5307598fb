import { existsSync } from 'node:fs';
import { Level } from 'level';
import { WeirError } from '../../contract/index.ts';
import { silentLog } from '../rejections.ts';
import { SessionDisk, type SessionEntry } from './session-disk.ts';
import { SessionStore } from './session-store.ts';

const BATCH = 256;

/** Sessions of a data directory that no appliance has open; none where there never were any. */
export async function* storedSessions(dir: string): AsyncGenerator<SessionEntry> {
  if (!existsSync(dir)) return;
  const db = new Level<string, Buffer>(dir, { valueEncoding: 'buffer', createIfMissing: false });
  await db.open();
  try {
    yield* db.iterator();
  } finally {
    await db.close();
  }
}

/**
 * Writes sessions into a directory that has none, and loads them as an appliance would: what comes from a backup must
 * not keep it from starting. Rejects with WEIR_BACKUP_DAMAGED.
 */
export async function pasteSessions(dir: string, entries: AsyncIterable<SessionEntry>): Promise<number> {
  const db = new Level<string, Buffer>(dir, { valueEncoding: 'buffer' });
  await db.open();
  let count = 0;
  try {
    let batch: { type: 'put'; key: string; value: Buffer }[] = [];
    const flush = async () => {
      await db.batch(batch, { sync: true } as object);
      batch = [];
    };
    for await (const [key, value] of entries) {
      batch.push({ type: 'put', key, value: Buffer.from(value) });
      count++;
      if (batch.length >= BATCH) await flush();
    }
    if (batch.length > 0) await flush();
  } finally {
    await db.close();
  }
  await tryLoading(dir);
  return count;
}

async function tryLoading(dir: string): Promise<void> {
  const disk = await SessionDisk.open(dir, silentLog);
  try {
    await new SessionStore({ disk, nowMs: () => 0, refused: () => {} }).setup({ id: 'restore' });
  } catch (cause) {
    throw new WeirError('WEIR_BACKUP_DAMAGED', 'a session of the backup cannot be loaded', { cause });
  } finally {
    await disk.close();
  }
}
