import { WeirError } from '../contract/index.ts';

/** Where a backup is kept: files by name, in a directory here or on another machine. */
export interface Place {
  /** For messages. */
  readonly name: string;
  /** All files below a folder, with their sizes; none where the folder is not there. */
  list(folder: string): Promise<PlacedFile[]>;
  /** Null when it is not there. Throws WEIR_BACKUP_DAMAGED for what is larger, or is no plain file. */
  read(name: string, maxBytes: number): Promise<Buffer | null>;
  /**
   * Durable and whole, or not there at all: a name that is seen has its bytes, also after a power cut. What was
   * written is read back.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  /** What interrupted writes have left goes; and nothing else than a backup may be here. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

export interface PlacedFile {
  name: string;
  bytes: number;
  ageMs: number;
}

/** The names that a backup makes, which are the only ones that are ever written, read or removed. */
export const NAMES = Object.freeze({
  header: 'weir-backup.json',
  objects: 'objects',
  object: (name: string) => `objects/${name.slice(0, 2)}/${name}`,
  manifests: 'backups',
  manifest: (id: string) => `backups/${id}`,
});

const NAME = /^(?:weir-backup\.json|objects\/[0-9a-f]{2}\/[0-9a-f]{64}|backups\/\d{8}T\d{6}Z-[0-9a-f]{32})$/;

export function assertName(name: string): void {
  if (!NAME.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a backup's file`);
}

export function isName(name: string): boolean {
  return NAME.test(name);
}

/** What is being written, in the root of the place: it is no backup's yet, and goes when the next one begins. */
export const UNFINISHED = 'unfinished-';
/** What a fresh file system puts into its root. */
const OF_FILE_SYSTEMS = new Set(['lost+found', 'System Volume Information', '.Trash-1000']);

/** A backup never begins among other people's files. */
export function assertOnlyBackup(place: string, names: string[]): void {
  const others = names.filter((name) => !name.startsWith(UNFINISHED) && !OF_FILE_SYSTEMS.has(name));
  if (others.length === 0 || others.includes(NAMES.header)) return;
  throw new WeirError('WEIR_USAGE', `${place} is not empty and holds no backup of weir`, {
    suggestion: 'Name an empty directory, or a new one below it.',
  });
}
