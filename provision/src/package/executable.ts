import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { filesBelow } from './files-below.ts';
import type { NodeBinary } from './node-binary.ts';

/** What V8 keeps for later is bounded as everywhere; experimental parts of Node that are relied upon are pinned with it. */
const EXEC_ARGV = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];

export interface Wanted {
  arch: string;
  node: NodeBinary;
  output: string;
}

/**
 * One executable an architecture, by `pkg` in SEA mode. Must run in a process whose HOME and TMPDIR lie in `workDir`:
 * pkg caches and works there, and its cache is filled beforehand with Node out of npm, so that it downloads nothing.
 */
export async function makeExecutables(stage: string, wanted: Wanted[]): Promise<void> {
  for (const { arch, node } of wanted) fillCache(arch, node);
  // pkg works in a folder directly below TMPDIR. A path relative to it, and so the blob, is the same in any checkout.
  const fromThere = (file: string) => join('..', relative(tmpdir(), join(stage, file)));
  const assets = Object.fromEntries(filesBelow(stage).map((file) => [file, fromThere(file)]));
  const { default: sea } = (await import('pkg/lib-es5/sea.js')).default;
  for (const { arch, node, output } of wanted) {
    mkdirSync(dirname(output), { recursive: true });
    // One after the other: two at once undo each other's filter of what the injector says.
    await sea(join(stage, 'boot.cjs'), {
      targets: [{ nodeRange: `node${node.version}`, platform: 'linux', arch, output }],
      seaConfig: {
        main: fromThere('boot.cjs'),
        disableExperimentalSEAWarning: true,
        useSnapshot: false,
        useCodeCache: false,
        execArgv: EXEC_ARGV,
        assets,
      } as Parameters<typeof sea>[1]['seaConfig'],
    });
    chmodSync(output, 0o755);
  }
}

/** As pkg would leave it after a download. Its marks say "verified", which is true: npm checked the integrity. */
function fillCache(arch: string, { path, version }: NodeBinary): void {
  const name = `node-v${version}-linux-${arch}`;
  const cache = join(homedir(), '.pkg-cache', 'sea');
  const bin = join(cache, name, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(path, join(bin, 'node'));
  for (const mark of [join(bin, 'node.ok'), join(cache, `${name}.tar.gz`), join(cache, `${name}.tar.gz.ok`)])
    writeFileSync(mark, '');
}
