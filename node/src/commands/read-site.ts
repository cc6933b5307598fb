import { readFileSync } from 'node:fs';
import { formatFaults, parseSite, type Site, WeirError } from '../contract/index.ts';

/** The site file, or every fault of it at once. */ export function readSite(path: string): Site {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new WeirError('WEIR_USAGE', `cannot read the site file ${path}: ${why}`, { cause });
  }
  const { site, faults } = parseSite(text, path);
  if (site) return site;
  throw new WeirError(
    'WEIR_SITE_INVALID',
    `the site file has ${faults.length} fault${faults.length === 1 ? '' : 's'}\n${formatFaults(faults)}`,
  );
}
