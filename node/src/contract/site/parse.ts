import type { SiteFault } from './faults.ts';
import type { Site } from './model.ts';
import { readYaml } from './read-yaml.ts';
import { resolveSite } from './resolve-site.ts';
import { type Draft, type SiteFile, SiteSchema } from './schema.ts';

/** The five worlds that ship are below 10 KiB each. */
export const SITE_FILE_MAX = 256 * 1024;

export type ParsedSite = { site: Site; faults: [] } | { site: null; faults: SiteFault[] };

/** Reads a site file; the site is frozen, or there is at least one fault, and then all of them. */
export function parseSite(text: string, fileName: string): ParsedSite {
  const form = { schema: SiteSchema, is: 'a site file', maxChars: SITE_FILE_MAX };
  const { draft, faults } = readYaml(text, fileName, form);
  const site = draft === null ? null : resolveSite(draft as Draft<SiteFile>, fileName, faults);
  const found = faults.sorted();
  if (found.length > 0 || site === null) return { site: null, faults: found };
  return { site: deepFreeze(site), faults: [] };
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
