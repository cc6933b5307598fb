import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../contract/index.ts';

/** Stands in a directory that archives were written to: a disk that is not mounted leaves an empty one. */
const MARKER = 'WEIR-ARCHIVE';

/** The directory itself is never made: where a disk belongs there must be one. */
export function assertArchive(dir: string, usedBefore: boolean): void {
  if (!existsSync(dir))
    throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `there is no directory ${dir}`, {
      suggestion: 'Mount its disk, or make it.',
    });
  const marker = join(dir, MARKER);
  if (existsSync(marker)) return;
  if (usedBefore && readdirSync(dir).length === 0)
    throw new WeirError('WEIR_ARCHIVE_UNAVAILABLE', `${dir} is empty, and was archived to before`, {
      suggestion: 'Mount its disk.',
    });
  writeFileSync(marker, 'weir archive, version 1\n', { flush: true });
}
