import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../bundle/bundle.ts';
import { sha256 } from './checksums.ts';
import { type Locked, readLockfile } from './lockfile.ts';

/** The Node binary of an architecture out of npm, and its exact version. */
export interface NodeBinary {
  path: string;
  version: string;
}

/**
 * npm installs it in a directory of its own, from a lockfile that holds the one entry of ours, so npm itself refuses a
 * package whose bytes have another integrity. It is an optional dependency there: as a plain one npm refuses another
 * machine's architecture. What was installed once is taken again when neither the lockfile nor its bytes changed.
 */
export function fetchNode(arch: string): NodeBinary {
  const name = `node-linux-${arch}`;
  const locked = readLockfile().packages[`node_modules/${name}`];
  if (locked?.version === undefined || locked.integrity === undefined)
    throw new Error(`package-lock.json does not pin ${name}; npm install writes it anew`);
  const dir = join(ROOT, 'node_modules', '.cache', 'weir', name);
  const path = join(dir, 'node_modules', name, 'bin', 'node');
  const stamp = join(dir, 'checked.json');
  const isChecked = () =>
    existsSync(path) && readFileSync(stamp, 'utf8') === stampOf(locked.integrity!, sha256(path));
  if (!existsSync(stamp) || !isChecked()) {
    install(dir, name, locked, arch);
    writeFileSync(stamp, stampOf(locked.integrity, sha256(path)));
  }
  return { path, version: locked.version };
}

function install(dir: string, name: string, locked: Locked, arch: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifestOf(name, locked)));
  writeFileSync(join(dir, 'package-lock.json'), JSON.stringify(lockOf(name, locked)));
  execFileSync(
    'npm',
    ['ci', '--os=linux', `--cpu=${arch}`, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

const stampOf = (integrity: string, binarySha256: string): string =>
  JSON.stringify({ integrity, binarySha256 });

const manifestOf = (name: string, { version }: Locked) => ({
  name: 'weir-node',
  version: '0.0.0',
  private: true,
  optionalDependencies: { [name]: version },
});

const lockOf = (name: string, locked: Locked) => ({
  name: 'weir-node',
  version: '0.0.0',
  lockfileVersion: 3,
  requires: true,
  packages: { '': manifestOf(name, locked), [`node_modules/${name}`]: { ...locked, optional: true } },
});
