import { join } from 'node:path';

/** A site file of the benchmarks; in the bundle they lie in `sites/` too. */
export function siteFile(name: string): string {
  return join(import.meta.dirname, 'sites', `${name}.yaml`);
}
