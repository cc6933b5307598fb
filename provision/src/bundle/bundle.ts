import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { builtinsByRequire } from './builtins.ts';
import { leftOut } from './left-out.ts';

export const ROOT = join(import.meta.dirname, '..', '..', '..');

/**
 * Weir as a few plain files: the command and one entry a thread, with what they share beside them. They start in a
 * third of the time and half the memory of the sources, since nothing is stripped and unused code is gone.
 */
export interface BundleForm {
  out: string;
  /** The oldest Node that runs it. */
  node: `node${number}`;
  /** Packages of CommonJS inside an ES module ask for `require`; this expression makes it. */
  require: string;
  external: string[];
  plugins?: Plugin[];
  /** Files that run first in each entry: what an older Node lacks. */
  inject?: string[];
  /** Without white space, so that less source text is kept in memory; names stay, for the stacks of faults. */
  compact?: boolean;
}

/** What lay there before goes, so that no chunk of an earlier build is left; `dist/package` is another build's. */
export async function bundle(form: BundleForm): Promise<void> {
  await mkdir(form.out, { recursive: true });
  for (const name of await readdir(form.out))
    if (name !== 'package') await rm(join(form.out, name), { recursive: true });
  await build({ ...OPTIONS, ...optionsOf(form) });
  for (const sites of ['node/sites', 'firmware-sim/src/bench/sites'])
    await cp(join(ROOT, sites), join(form.out, 'sites'), { recursive: true });
  await cp(join(ROOT, 'provision', 'boards'), join(form.out, 'boards'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(form.out, 'package.json'));
}

const OPTIONS: BuildOptions = {
  absWorkingDir: ROOT,
  entryPoints: {
    weir: 'weir.ts',
    'shard-thread': 'node/src/shard/thread-entry.ts',
    'gateway-thread': 'gateway/src/thread.ts',
  },
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  legalComments: 'linked',
  logLevel: 'warning',
};

const optionsOf = (form: BundleForm): BuildOptions => ({
  outdir: form.out,
  target: form.node,
  external: form.external,
  plugins: [builtinsByRequire, leftOut, ...(form.plugins ?? [])],
  inject: form.inject ?? [],
  minifyWhitespace: form.compact ?? false,
  minifySyntax: form.compact ?? false,
  banner: {
    js: `import { createRequire as _createRequire } from 'node:module'; const require = _createRequire(${form.require});`,
  },
});
