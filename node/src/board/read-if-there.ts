import { readFileSync } from 'node:fs';
import { WeirError } from '../contract/index.ts';

/** A file of the data directory; null when there is none. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new WeirError('WEIR_DATA_MISSING', `${file} cannot be read`, { cause });
  }
}
