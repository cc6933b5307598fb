import { placeOf } from '@weir/node/shipped';

/** A site file of the benchmarks; in the bundle they lie in `sites/` too. */
export function siteFile(name: string): string {
  return placeOf(new URL(`./sites/${name}.yaml`, import.meta.url));
}
