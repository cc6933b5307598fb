import { readFileSync, statSync } from 'node:fs';

const SECTOR_BYTES = 512;

/** Bytes written since the process, and since the machine, was started; null where this machine does not tell. */
export interface FlashCounters {
  ownBytes: number | null;
  deviceBytes: number | null;
}

/** Reads what the kernel counts: for the process with all its threads, and for the whole disk that a folder lies on. */
export function flashCounters(dir: string): FlashCounters {
  return { ownBytes: ownBytes(), deviceBytes: deviceBytes(dir) };
}

function ownBytes(): number | null {
  const text = readIfThere('/proc/self/io');
  const found = text === null ? null : /^write_bytes: (\d+)/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/** Of the disk rather than of its partition: cells wear out wherever the partition lies. */
function deviceBytes(dir: string): number | null {
  const device = statSync(dir).dev;
  // As glibc puts them together: 12 and 20 bits of the major and minor numbers, each in two parts.
  const major = Math.floor(device / 256) % 4096;
  const minor = (device % 256) + Math.floor(device / 2 ** 20) * 256;
  if (major === 0) return null;
  const block = `/sys/dev/block/${major}:${minor}`;
  const inPartition = readIfThere(`${block}/partition`) !== null;
  const text = readIfThere(inPartition ? `${block}/../stat` : `${block}/stat`);
  const sectors = Number(text?.trim().split(/\s+/)[6] ?? Number.NaN);
  return Number.isFinite(sectors) ? sectors * SECTOR_BYTES : null;
}

/** Other systems than Linux do not have these files, and containers may hide them: then nothing is known. */
function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch (fault) {
    const code = (fault as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'EINVAL') return null;
    throw fault;
  }
}
