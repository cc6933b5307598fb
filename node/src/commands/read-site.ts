import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KEPT_SITE } from '../board/index.ts';
import { formatFaults, parseSite, type Site, WeirError } from '../contract/index.ts';
import { placeOf, readShippedText } from '../shipped/index.ts';

/** The site file, or every fault of it at once. */
export function readSite(path: string): Site {
  return parsedSite(readSiteText(path), path);
}

export function readSiteText(path: string): string {
  try {
    return readShippedText(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new WeirError('WEIR_USAGE', `cannot read the site file ${path}: ${why}`, { cause });
  }
}

/** Of a data directory: the file that is named, else the one that its appliance last ran with, else the shipped one. */
export function siteOfData(dataDir: string, named: string | undefined, shipped: URL): Site {
  const kept = join(dataDir, KEPT_SITE);
  return readSite(named ?? (existsSync(kept) ? kept : placeOf(shipped)));
}

export function parsedSite(text: string, path: string): Site {
  const { site, faults } = parseSite(text, path);
  if (site) return site;
  throw new WeirError(
    'WEIR_SITE_INVALID',
    `the site file has ${faults.length} fault${faults.length === 1 ? '' : 's'}\n${formatFaults(faults)}`,
  );
}
