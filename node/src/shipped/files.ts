import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import sea from 'node:sea';
import { fileURLToPath } from 'node:url';

/**
 * What ships with the program: pages, site files, entries of threads. They are files beside the sources or the bundle,
 * or lie inside the one executable. A *place* names one of them: a path, or `sea:///sites/utility.yaml`. Nothing is
 * ever unpacked, so nothing needs a writable or an executable directory.
 */
export const SEA = 'sea:';

export const isOneFile = (): boolean => sea.isSea();

export const placeOf = (url: URL): string => (url.protocol === SEA ? url.href : fileURLToPath(url));

export const placeIn = (dir: string, name: string): string =>
  dir.startsWith(SEA) ? `${dir.replace(/\/$/, '')}/${name}` : join(dir, name);

export function readShipped(place: string): Uint8Array {
  if (!place.startsWith(SEA)) return readFileSync(place);
  // A view of the executable's own pages in memory: the kernel reads what is touched, and may drop it again.
  return new Uint8Array(sea.getRawAsset(keyOf(place)) as ArrayBuffer);
}

export const readShippedText = (place: string): string => new TextDecoder().decode(readShipped(place));

/** Names of all files below, relative to `dir`, with slashes. Throws ENOENT where a directory is not there. */
export function listShipped(dir: string): string[] {
  if (!dir.startsWith(SEA)) return listDirectory(dir);
  const prefix = keyOf(placeIn(dir, ''));
  const keys = sea.getAssetKeys().filter((key) => key.startsWith(prefix));
  return keys.map((key) => key.slice(prefix.length)).sort();
}

function listDirectory(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

const keyOf = (place: string): string => new URL(place).pathname.slice(1);
