import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Written beside, synced and renamed: a power cut leaves the old file or the new one, whole. */
export function writeWhole(file: string, text: string): void {
  const beside = `${file}.new`;
  const handle = openSync(beside, 'w', 0o640);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(beside, file);
}
