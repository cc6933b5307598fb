import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type About, makeBackup } from '../../backup/make-backup.ts';
import { COPIED_FILES, type CopiedFile, type Manifest } from '../../backup/manifest.ts';
import type { Repository } from '../../backup/repository.ts';
import { RunningSource } from '../../backup/running-source.ts';
import type { BackupSource } from '../../backup/source.ts';
import { isWeirError, type Site, WeirError } from '../../contract/index.ts';
import { COPY_SOCKET } from '../copy-door.ts';
import { type DataDir, existingDataDir } from '../data-dir.ts';
import { StoppedSource } from './stopped-source.ts';

/** The appliance that has the data directory open, or, where none has, the directory itself. */
export async function openSource(dir: DataDir, site: Site): Promise<BackupSource> {
  try {
    return await StoppedSource.open(dir, site);
  } catch (fault) {
    if (!isWeirError(fault) || fault.code !== 'WEIR_DATA_IN_USE') throw fault;
    const socket = join(dir.root, COPY_SOCKET);
    if (existsSync(socket)) return new RunningSource(socket);
    throw new WeirError('WEIR_DATA_IN_USE', `${dir.root} is in use, and there is no ${COPY_SOCKET} to ask`, {
      cause: fault,
      suggestion: 'An appliance that is starting opens it when it is ready to.',
    });
  }
}

export async function backUpData(
  dataDir: string,
  site: Site,
  repository: Repository,
  about: Pick<About, 'weir' | 'nowMs'>,
  progress: (what: string, done: number, of: number) => void,
): Promise<{ id: string; manifest: Manifest }> {
  const dir = existingDataDir(dataDir);
  const source = await openSource(dir, site);
  try {
    const files = await filesOf(dir.root);
    return await makeBackup(source, repository, { ...about, site: site.name, files }, progress);
  } finally {
    await source.close();
  }
}

async function filesOf(root: string): Promise<About['files']> {
  const files: { name: CopiedFile; bytes: Uint8Array }[] = [];
  for (const name of COPIED_FILES) {
    const path = join(root, name);
    // They are written beside and renamed, so that what is read is whole; lines of the archive that are not do not count.
    if (existsSync(path)) files.push({ name, bytes: await readFile(path) });
  }
  return files;
}
