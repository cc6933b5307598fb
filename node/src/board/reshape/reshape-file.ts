import { rmSync } from 'node:fs';
import { WeirError } from '../../contract/index.ts';
import type { KnownFrom } from '../../shard/shadow-messages.ts';
import { readIfThere } from '../read-if-there.ts';
import { writeWhole } from '../write-whole.ts';

const VERSION = 1;

/** An edit of the site file whose tables are filled: they take the place of what is stored at the next start. */
export interface StoredReshape {
  version: typeof VERSION;
  /** `begun`: shards may have been made anew, so that nothing but this site file fits. */
  state: 'asked' | 'begun';
  /** The site file that is taken over. */
  text: string;
  /** The replay whose shadow it is. */
  replay: number;
  /** Event time from which the shadow has everything. */
  from: number | null;
  knownFrom: KnownFrom;
  /** What the shards that are done are marked with; 0 before it is begun. */
  id: number;
}

export function newReshape(of: Omit<StoredReshape, 'version' | 'state' | 'id'>): StoredReshape {
  return { version: VERSION, state: 'asked', ...of, id: 0 };
}

export function writeReshape(file: string, reshape: StoredReshape): void {
  writeWhole(file, `${JSON.stringify(reshape, null, 1)}\n`);
}

export function readReshape(file: string): StoredReshape | null {
  const text = readIfThere(file);
  if (text === null) return null;
  const reshape = JSON.parse(text) as StoredReshape;
  if (reshape.version === VERSION) return reshape;
  throw new WeirError(
    'WEIR_DATA_MISSING',
    `${file} is of version ${reshape.version}; this weir reads version ${VERSION}. Nothing was changed.`,
    { suggestion: 'Start the version of weir that was running when the site file was edited.' },
  );
}

export function removeReshape(file: string): void {
  rmSync(file, { force: true });
}
