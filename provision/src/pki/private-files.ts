import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { WeirError } from '@weir/node/contract';

/** Files with keys: 0600 in folders of 0700, made so and refused otherwise. */

export const PRIVATE_FILE = 0o600;
export const PRIVATE_DIR = 0o700;
export const PUBLIC_FILE = 0o644;

export function makePrivateDir(path: string): void {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIR });
  refuseOpenDir(path);
}

/** Reads a file with a key. The handle that is judged is the one that is read. */
export function readPrivate(path: string): string {
  refuseOpenDir(dirname(path));
  let file: number;
  try {
    // A link could lead out of the folder that was judged.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ELOOP')
      throw exposed(path, 'is a link', 'put the file itself there', cause);
    throw cause;
  }
  try {
    const { mode, uid } = fstatSync(file);
    judge(path, mode, uid, PRIVATE_FILE);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** Whole or not at all, also when the power goes. */
export function writeFileWhole(path: string, text: string | Uint8Array, mode: number): void {
  const beside = `${path}.new`;
  // What an interrupted run has left may have another mode.
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', mode);
  try {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  // The umask may have taken bits away from a public file.
  chmodSync(beside, mode);
  renameSync(beside, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function refuseOpenDir(path: string): void {
  const { mode, uid } = statSync(path);
  judge(path, mode, uid, PRIVATE_DIR);
}

function judge(path: string, mode: number, uid: number, wanted: number): void {
  const own = process.getuid?.();
  if (own !== undefined && uid !== own)
    throw exposed(path, `belongs to user ${uid}, not to you`, `chown it, or run as its owner`);
  if ((mode & 0o077) !== 0)
    throw exposed(
      path,
      `may be read by others (mode ${(mode & 0o777).toString(8)})`,
      `chmod ${wanted.toString(8)} ${path}, and think about who has read it since`,
    );
}

function exposed(path: string, why: string, todo: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_KEYS_EXPOSED', `${path} ${why}.`, {
    suggestion: `${todo[0].toUpperCase()}${todo.slice(1)}.`,
    cause,
  });
}
