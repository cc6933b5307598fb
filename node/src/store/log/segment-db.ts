import { ClassicLevel } from 'classic-level';

export type SegmentDb = ClassicLevel<Uint8Array, Uint8Array>;

/**
 * How much of a segment stands in the write-ahead log before LevelDB writes it to a table. Every byte is written
 * twice whatever the size is, so it only trades memory (two buffers at worst) against replay at open.
 */
export const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;

/**
 * Opens a segment. Unless it is being made, a missing CURRENT is an error: with `createIfMissing` LevelDB would take
 * the directory for an empty one and wipe it. Records are compressed already and are read once, in order, so neither
 * compression nor a large block cache would help.
 */
export async function openSegmentDb(dir: string, create = false): Promise<SegmentDb> {
  const db: SegmentDb = new ClassicLevel(dir, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: create,
    errorIfExists: create,
    compression: false,
    cacheSize: 256 * 1024,
    writeBufferSize: WRITE_BUFFER_BYTES,
    maxFileSize: 2 * WRITE_BUFFER_BYTES,
    blockSize: 16 * 1024,
    maxOpenFiles: 64,
  });
  await db.open();
  return db;
}

/** Why LevelDB would not do it: the deepest message of the chain of causes. */
export function reasonOf(fault: unknown): string {
  let reason = String(fault);
  for (let at = fault; at instanceof Error; at = at.cause) reason = at.message;
  return reason;
}

export function levelCodeOf(fault: unknown): string {
  let code = '';
  for (let at = fault; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') code = at.code;
  }
  return code;
}

/** The disk has no room, or the quota none. */
export function isNoSpace(fault: unknown): boolean {
  return /No space left|ENOSPC|Disk quota|EDQUOT/.test(`${reasonOf(fault)} ${levelCodeOf(fault)}`);
}

export function isLocked(fault: unknown): boolean {
  return levelCodeOf(fault) === 'LEVEL_LOCKED';
}

/** The files themselves are wrong or gone, as opposed to a disk or a process that cannot open them now. */
export function isDamage(fault: unknown): boolean {
  if (isNoSpace(fault) || isLocked(fault)) return false;
  return /Corruption|create_if_missing is false|No such file|ENOENT/.test(reasonOf(fault));
}
