import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '@weir/node/contract';
import { makePrivateDir, PRIVATE_FILE, PUBLIC_FILE, readPrivate, writeFileWhole } from './private-files.ts';

/** Where everything about a site stands on the operator's computer. Names here are persisted. */
export class SiteFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get fleet(): string {
    return join(this.root, 'fleet.yaml');
  }
  get inventory(): string {
    return join(this.root, 'inventory.yaml');
  }
  get authorityDir(): string {
    return join(this.root, 'authority');
  }
  get authorityCertificate(): string {
    return join(this.authorityDir, 'authority.crt');
  }
  get authorityKey(): string {
    return join(this.authorityDir, 'authority.key');
  }
  get issued(): string {
    return join(this.authorityDir, 'issued.json');
  }
  get revoked(): string {
    return join(this.authorityDir, 'revoked.crl');
  }
  get joinSecret(): string {
    return join(this.authorityDir, 'join-secret');
  }

  leafDir(kind: 'board' | 'device', name: string): string {
    return join(this.root, `${kind}s`, name);
  }
  leafKey(kind: 'board' | 'device', name: string): string {
    return join(this.leafDir(kind, name), `${kind}.key`);
  }
  leafCertificate(kind: 'board' | 'device', name: string): string {
    return join(this.leafDir(kind, name), `${kind}.crt`);
  }

  get exists(): boolean {
    return existsSync(this.authorityCertificate) || existsSync(this.authorityKey);
  }

  make(): void {
    makePrivateDir(this.root);
    makePrivateDir(this.authorityDir);
  }

  readFleet(): string {
    try {
      return readFileSync(this.fleet, 'utf8');
    } catch (cause) {
      throw missing(this.fleet, cause);
    }
  }

  writeFleet(text: string): void {
    writeFileWhole(this.fleet, text, PUBLIC_FILE);
  }

  readSecret(): string {
    return this.readKey(this.joinSecret).trim();
  }

  readKey(path: string): string {
    try {
      return readPrivate(path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw missing(path, cause);
      throw cause;
    }
  }

  readPublic(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw missing(path, cause);
    }
  }

  /** One at a time: two that sign at once would each forget what the other has issued. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const lock = join(this.authorityDir, 'lock');
    let file: number;
    try {
      file = openSync(lock, 'wx', PRIVATE_FILE);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw missing(this.authorityDir, cause);
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      throw new WeirError('WEIR_DATA_IN_USE', `another weir works in ${this.root}.`, {
        suggestion: `Wait for it; if none runs, remove ${lock}.`,
        cause,
      });
    }
    try {
      writeSync(file, `${process.pid}\n`);
      return await work();
    } finally {
      closeSync(file);
      rmSync(lock, { force: true });
    }
  }
}

function missing(path: string, cause: unknown): WeirError {
  return new WeirError('WEIR_AUTHORITY_MISSING', `${path} is not there.`, {
    suggestion:
      'Make a site with `weir provision init`, name its folder with --dir, or restore it from its backup.',
    cause,
  });
}
