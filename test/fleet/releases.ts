import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../run.ts';

const PROGRAM = 'usr/lib/weir/weir';

/**
 * Packages of releases that were never made, out of one that was: a next one, which is the same program under another
 * version, and a broken one, whose program tells its version and ends at once when it should run.
 */
export async function repack(
  deb: string,
  options: { version: string; broken?: boolean; dir: string },
): Promise<string> {
  const tree = join(options.dir, `tree-${options.version}`);
  mkdirSync(options.dir, { recursive: true });
  await must(['dpkg-deb', '--raw-extract', deb, tree]);
  const control = join(tree, 'DEBIAN/control');
  const text = readFileSync(control, 'utf8');
  writeFileSync(control, text.replace(/^Version: .*$/m, `Version: ${options.version}`));
  if (options.broken) {
    writeFileSync(
      join(tree, PROGRAM),
      '#!/bin/sh\n[ "$1" = --version ] && echo 9.9.9 && exit 0\necho "broken" >&2\nexit 1\n',
    );
    chmodSync(join(tree, PROGRAM), 0o755);
  }
  const arch = /^Architecture: (\S+)$/m.exec(text)?.[1];
  const out = join(options.dir, `weir_${options.version}_${arch}.deb`);
  await must(['dpkg-deb', '-Zgzip', '-z1', '--root-owner-group', '--build', tree, out]);
  rmSync(tree, { recursive: true });
  return out;
}

export async function versionOf(deb: string): Promise<string> {
  return (await must(['dpkg-deb', '--field', deb, 'Version'])).trim();
}
