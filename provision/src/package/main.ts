import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../bundle/bundle.ts';
import { stageForExecutable, stageForNode20 } from './application.ts';
import { signChecksums, writeChecksums } from './checksums.ts';
import { type Documents, makeDebianPackage, QUICK, SMALL } from './debian.ts';
import type { Wanted } from './executable.ts';
import { filesBelow } from './files-below.ts';
import { NATIVE } from './native.ts';
import { fetchNode } from './node-binary.ts';
import { billOf } from './sbom.ts';
import { TARGETS, type Target } from './targets.ts';

/**
 * `npm run package`: executables, Debian packages, checksums, bill of materials and, with `--key`, a signature, in `dist/package/`.
 * The same commit gives the same bytes, wherever and whenever it is built.
 */
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'dist', 'package') },
    /** Seconds since 1970 that every file is dated with: SOURCE_DATE_EPOCH, or the commit's time. */
    epoch: { type: 'string' },
    key: { type: 'string' },
    /** Architectures, with commas; all of them when absent. */
    only: { type: 'string' },
    /** Debian packages are made quickly and large, to try them. */
    quick: { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);
const epoch = Number(values.epoch);
if (!Number.isSafeInteger(epoch)) throw new Error('--epoch takes seconds since 1970');
const only = values.only?.split(',');
const targets = TARGETS.filter(({ arch }) => only?.includes(arch) ?? true);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>;
const work = join(out, '.work');
const nativeOf = ({ native }: Target) => join(ROOT, 'node_modules/classic-level/prebuilds', native);
const folderOf = ({ arch }: Target) => join(out, `weir-${manifest.version}-linux-${arch}`);

rmSync(out, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
await executables(targets.filter((target) => target.oneFile));
await debianPackages();
const bill = billOf(manifest.version, manifest.license, epoch);
writeFileSync(join(out, `weir-${manifest.version}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`);
rmSync(work, { recursive: true });
for (const file of filesBelow(out)) utimesSync(join(out, file), epoch, epoch);
writeChecksums(out);
if (values.key !== undefined) signChecksums(out, values.key);
say(`${out}${values.key === undefined ? ' (not signed: no --key)' : ''}`);

async function executables(wanted: Target[]): Promise<void> {
  if (wanted.length === 0) return;
  say('bundle');
  const stage = join(work, 'app');
  await stageForExecutable(stage);
  say('Node, from npm, checked against the lockfile');
  const nodes = wanted.map(
    (target): Wanted => ({
      arch: target.arch,
      node: fetchNode(target.arch),
      output: join(folderOf(target), 'weir'),
    }),
  );
  say('executables');
  runPkg(stage, nodes);
  for (const target of wanted) {
    copyFileSync(nativeOf(target), join(folderOf(target), NATIVE));
    copyFileSync(join(ROOT, 'LICENSE'), join(folderOf(target), 'LICENSE'));
  }
}

async function debianPackages(): Promise<void> {
  const documents = documented();
  for (const target of targets) {
    say(`Debian package for ${target.debian}`);
    const file = `weir_${manifest.version}_${target.debian}.deb`;
    const program = target.oneFile ? folderOf(target) : await filesForNode20(target);
    const compression = values.quick ? QUICK : SMALL;
    makeDebianPackage({ target, program, documents, epoch, compression, out: join(out, file) }, work);
  }
}

async function filesForNode20(target: Target): Promise<string> {
  const program = join(work, 'node20');
  await stageForNode20(program);
  copyFileSync(nativeOf(target), join(program, 'app', NATIVE));
  return program;
}

/** The program tells of itself, as its sources on this machine. */
function documented(): Documents {
  const weir = (...args: string[]) =>
    execFileSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(ROOT, 'weir.ts'), ...args],
      {
        encoding: 'utf8',
      },
    );
  const [bash, zsh, fish] = ['bash', 'zsh', 'fish'].map((shell) => weir('completion', shell));
  return { version: manifest.version, man: weir('man'), completions: { bash, zsh, fish } };
}

/** In a process of its own, whose home and temporary directory are ours: see `executable.ts`. */
function runPkg(stage: string, wanted: Wanted[]): void {
  const home = join(work, 'home');
  const temporary = join(work, 'tmp');
  for (const dir of [home, temporary]) mkdirSync(dir);
  const script = join(import.meta.dirname, './pkg-process.ts');
  execFileSync(
    'env',
    [`HOME=${home}`, `TMPDIR=${temporary}`, process.execPath, script, stage, JSON.stringify(wanted)],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
