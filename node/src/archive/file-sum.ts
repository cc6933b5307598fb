import { createReadStream } from 'node:fs';
import { crc32 } from 'node:zlib';

/** What tells whether a file is still the one that was written. */
export interface FileSum {
  bytes: number;
  crc: number;
}

export async function sumOfFile(file: string): Promise<FileSum> {
  let bytes = 0;
  let crc = 0;
  for await (const piece of createReadStream(file)) {
    bytes += (piece as Buffer).length;
    crc = crc32(piece as Buffer, crc);
  }
  return { bytes, crc };
}
