import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './files-below.ts';
import { isSigned, signBytes } from './release-key.ts';

/** What `sha256sum --check` reads, over every file of a release, and its signature beside it. */
export const SUMS = 'SHA256SUMS';
export const SIGNATURE = 'SHA256SUMS.sig';

const CHUNK_BYTES = 1024 * 1024;

export function writeChecksums(dir: string): void {
  const files = filesBelow(dir).filter((file) => file !== SUMS && file !== SIGNATURE);
  writeFileSync(join(dir, SUMS), files.map((file) => `${sha256(join(dir, file))}  ${file}\n`).join(''));
}

export function signChecksums(dir: string, keyFile: string): void {
  writeFileSync(join(dir, SIGNATURE), signBytes(readFileSync(join(dir, SUMS)), keyFile));
}

/**
 * What is wrong with a release, in words; nothing is wrong when the list is empty. The signature comes first: sums that
 * nobody signed prove nothing. A file that no sum names is a fault too.
 */
export function faultsOfRelease(dir: string, publicFile: string): string[] {
  for (const name of [SUMS, SIGNATURE]) if (!existsSync(join(dir, name))) return [`${name} is missing`];
  const sums = readFileSync(join(dir, SUMS));
  if (!isSigned(sums, readFileSync(join(dir, SIGNATURE)), publicFile))
    return [`${SIGNATURE} does not fit ${SUMS} and ${publicFile}`];
  const named = new Map(sums.toString().split('\n').filter(Boolean).map(split));
  const there = new Set(filesBelow(dir).filter((file) => file !== SUMS && file !== SIGNATURE));
  const faults = [...there].filter((file) => !named.has(file)).map((file) => `${file} is not in ${SUMS}`);
  for (const [file, sum] of named) {
    if (!there.has(file)) faults.push(`${file} is missing`);
    else if (sha256(join(dir, file)) !== sum) faults.push(`${file} is not what was signed`);
  }
  return faults;
}

const split = (line: string): [file: string, sum: string] => [line.slice(66), line.slice(0, 64)];

/** In pieces: an executable has 130 MB. */
export function sha256(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
      hash.update(chunk.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
