import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Written beside, synced and renamed: a power cut leaves the old file or the new one, whole. */
export function writeWhole(file: string, content: string | Uint8Array, mode = 0o640): void {
  const beside = `${file}.new`;
  const handle = openSync(beside, 'w', mode);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(beside, file);
}
