import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundle, ROOT } from '../bundle/bundle.ts';
import { nativeBeside, packagesInExecutable } from './native.ts';

/** Everything of Weir but Node and the native part: the bundle, the sites, and the built page, in one directory. */
export async function stageForExecutable(out: string): Promise<void> {
  await bundle({
    out,
    node: 'node24',
    require: 'process.execPath',
    external: [],
    plugins: [nativeBeside, packagesInExecutable],
    compact: true,
  });
  await build({
    entryPoints: [join(import.meta.dirname, './boot.ts')],
    outfile: join(out, 'boot.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
  });
  copyPage(out);
}

/** For a Node that is there already, Debian's 20: the same as plain files, the bundle in `app/` beside the page. */
export async function stageForNode20(out: string): Promise<void> {
  await bundle({
    out: join(out, 'app'),
    node: 'node20',
    require: 'import.meta.url',
    external: [],
    plugins: [nativeBeside],
    inject: [join(import.meta.dirname, './node20.ts')],
    compact: true,
  });
  copyPage(out);
}

function copyPage(out: string): void {
  cpSync(join(ROOT, 'ui', 'dist'), join(out, 'ui', 'dist'), { recursive: true });
}
