import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../../ui', import.meta.url));

/** The directory of the built page, built anew where its sources are younger. */
export async function builtUi(): Promise<string> {
  const dist = join(ROOT, 'dist');
  if (newest(join(ROOT, 'src')) > builtAt(dist)) await build({ root: ROOT, logLevel: 'warn' });
  return dist;
}

function builtAt(dist: string): number {
  return statSync(join(dist, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newest(dir: string): number {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return Math.max(...names.map((name) => statSync(join(dir, name)).mtimeMs));
}
