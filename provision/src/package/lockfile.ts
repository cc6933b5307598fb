import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../bundle/bundle.ts';

/** The lockfile says what exactly is built from, and with which integrity. */
export interface Locked {
  name?: string;
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
  os?: string[];
  cpu?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export interface Lockfile {
  lockfileVersion: number;
  packages: Record<string, Locked>;
}

export function readLockfile(): Lockfile {
  const lockfile = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
  if (lockfile.lockfileVersion !== 3)
    throw new Error(`package-lock.json has version ${lockfile.lockfileVersion}; this reads version 3`);
  return lockfile;
}
