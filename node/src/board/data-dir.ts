import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../contract/index.ts';
import { readIfThere } from './read-if-there.ts';

/** Where everything lives under the one data directory. Its version is checked before anything is opened. */
const VERSION = 1;

export interface DataDir {
  root: string;
  log: string;
  store: string;
  sessions: string;
  devices: string;
  tokens: string;
  users: string;
  shape: string;
  /** Up to which window each sliding rollup was told. */
  windows: string;
  site: string;
  replays: string;
  /** While readings wait for the time to be known. */
  held: string;
  /** While the tables for an edited site file take the place of others. */
  reshape: string;
  archive: string;
  archiveRuns: string;
  tierArchive: string;
}

/** The site file that an appliance last ran with: a data directory so says itself what is in it. */
export const KEPT_SITE = 'site.yaml';

/** Stands in a data directory while it is made out of a backup. */
export const RESTORING = 'restoring';

export function openDataDir(root: string, { restoring = false } = {}): DataDir {
  mkdirSync(root, { recursive: true, mode: 0o750 });
  if (!restoring) assertRestored(root);
  const file = join(root, 'weir.json');
  const found = readVersion(file);
  const mark: Mark = { version: VERSION, ...(restoring ? { restoredAt: Date.now() } : {}) };
  if (found === null) writeFileSync(file, `${JSON.stringify(mark)}\n`, { flush: true });
  else if (found !== VERSION)
    throw new WeirError(
      'WEIR_DATA_MISSING',
      `${root} has data of version ${found}; this weir reads version ${VERSION}. Nothing was changed.`,
    );
  const dir = placesOf(root);
  mkdirSync(dir.store, { recursive: true });
  return dir;
}

/** One that an appliance has made before; nothing is created in it. */
export function existingDataDir(root: string): DataDir {
  if (existsSync(root)) assertOwner(root, process.getuid?.() ?? 0, statSync(root).uid);
  assertRestored(root);
  const found = readVersion(join(root, 'weir.json'));
  if (found === VERSION) return placesOf(root);
  const why = found === null ? 'is no data directory of weir' : `has data of version ${found}`;
  throw new WeirError('WEIR_DATA_MISSING', `${root} ${why}`);
}

/** LevelDB makes new files when it opens old ones. Made by root, the appliance's own user may not read them. */
export function assertOwner(root: string, uid: number, ownerUid: number): void {
  if (uid !== 0 || ownerUid === 0) return;
  throw new WeirError('WEIR_NOT_ALLOWED', `${root} belongs to the user ${ownerUid}, and this is root`, {
    suggestion: 'Run it as that user, as in: sudo -u weir weir …',
  });
}

function assertRestored(root: string): void {
  if (!existsSync(join(root, RESTORING))) return;
  throw new WeirError('WEIR_DATA_MISSING', `the restore of ${root} was interrupted`, {
    suggestion: 'Start the same weir restore again.',
  });
}

export function placesOf(root: string): DataDir {
  return {
    root,
    log: join(root, 'log'),
    store: join(root, 'store'),
    sessions: join(root, 'sessions'),
    devices: join(root, 'devices.json'),
    tokens: join(root, 'tokens.json'),
    users: join(root, 'users.json'),
    shape: join(root, 'shape.json'),
    windows: join(root, 'windows.json'),
    site: join(root, KEPT_SITE),
    replays: join(root, 'replays'),
    held: join(root, 'held.json'),
    reshape: join(root, 'reshape.json'),
    archive: join(root, 'archive.json'),
    archiveRuns: join(root, 'archive-runs.ndjson'),
    tierArchive: join(root, 'tier-archive.json'),
  };
}

/** What `weir.json` says of the directory. */
interface Mark {
  version: number;
  /** It was made out of a backup then. */
  restoredAt?: number;
}

function readMark(file: string): Partial<Mark> | null {
  const text = readIfThere(file);
  // An empty file is a first start that lost power between creating the file and writing it.
  if (text === null || text === '') return null;
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

function readVersion(file: string): number | null {
  const mark = readMark(file);
  return mark === null ? null : Number(mark.version);
}

/**
 * Stands in the names of archived files. What an appliance archived after a backup of it is not known to the one that is
 * restored: it writes readings of its own under the same numbers, and over none of these files. Empty before a restore.
 */
export function lifeOf({ root }: DataDir): string {
  const { restoredAt } = readMark(join(root, 'weir.json')) ?? {};
  if (restoredAt === undefined) return '';
  return `-restored-${new Date(restoredAt).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}
