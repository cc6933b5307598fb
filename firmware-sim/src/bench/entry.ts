import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What is measured is what runs the benchmark: `weir.ts` of the sources, or the bundle in `dist/`. */
export const ENTRY: string = process.argv[1];

/** A file of the checkout that holds the entry; null where only the bundle is. */
export function sourceFile(path: string): string | null {
  const root = dirname(ENTRY);
  return [join(root, path), join(root, '..', path)].find((file) => existsSync(file)) ?? null;
}
