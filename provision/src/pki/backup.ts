import { readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WeirError } from '@weir/node/contract';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { BOARD_NAME, DEVICE_ID } from '../fleet/schema.ts';
import { makePrivateDir, PRIVATE_FILE, PUBLIC_FILE, readPrivate, writeFileWhole } from './private-files.ts';
import { seal, unseal } from './sealed.ts';
import { SiteFolder } from './site-folder.ts';

/** What a backup holds once it is opened. Version 1. */
const Shape = Type.Object({
  version: Type.Literal(1),
  files: Type.Record(Type.String(), Type.String()),
});

const within = (pattern: string) => pattern.slice(1, -1);
/** Nothing but these is taken out of a backup, whatever it names. */
const KNOWN = new RegExp(
  '^(fleet\\.yaml|authority/(authority\\.crt|authority\\.key|issued\\.json|revoked\\.crl|join-secret)' +
    `|boards/${within(BOARD_NAME)}/board\\.(crt|key)|devices/${within(DEVICE_ID)}/device\\.(crt|key))$`,
);
const isPublic = (name: string) => /\.(yaml|crt|crl)$/.test(name);

/** The whole folder of a site, sealed with a passphrase. */
export async function backUp(
  folder: SiteFolder,
  passphrase: string,
): Promise<{ bytes: Buffer; files: number }> {
  const files: Record<string, string> = {};
  for (const name of namesIn(folder.root)) {
    const path = join(folder.root, name);
    files[name] = isPublic(name) ? folder.readPublic(path) : readPrivate(path);
  }
  if (files['authority/authority.key'] === undefined) folder.readKey(folder.authorityKey);
  const plain = Buffer.from(JSON.stringify({ version: 1, files }));
  return { bytes: await seal(plain, passphrase), files: Object.keys(files).length };
}

/** Into a folder without an authority. Answers how many files there were. */
export async function restore(
  folder: SiteFolder,
  sealed: Uint8Array,
  passphrase: string,
  file: string,
): Promise<number> {
  if (folder.exists)
    throw new WeirError('WEIR_USAGE', `${folder.root} has an authority; it was not touched.`, {
      suggestion: 'Name an empty folder with --dir.',
    });
  const content = parse(await unseal(sealed, passphrase, file), file);
  // Put together beside and renamed, so that an interrupted run can be started again.
  const beside = new SiteFolder(`${folder.root}.restoring`);
  rmSync(beside.root, { recursive: true, force: true });
  beside.make();
  for (const [name, text] of Object.entries(content)) {
    const path = join(beside.root, name);
    makePrivateDir(dirname(path));
    writeFileWhole(path, text, isPublic(name) ? PUBLIC_FILE : PRIVATE_FILE);
  }
  try {
    renameSync(beside.root, folder.root);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw cause;
    rmSync(beside.root, { recursive: true, force: true });
    throw new WeirError('WEIR_USAGE', `${folder.root} is not empty; it was not touched.`, {
      suggestion: 'Name an empty folder with --dir.',
      cause,
    });
  }
  return Object.keys(content).length;
}

function parse(plain: Buffer, file: string): Record<string, string> {
  const parsed: unknown = JSON.parse(plain.toString('utf8'));
  if (!Value.Check(Shape, parsed))
    throw new WeirError('WEIR_SEAL_BROKEN', `${file} holds no backup of version 1.`);
  const strange = Object.keys(parsed.files).find((name) => !KNOWN.test(name));
  if (strange !== undefined)
    throw new WeirError('WEIR_SEAL_BROKEN', `${file} holds ${JSON.stringify(strange)}, which no backup has.`);
  return parsed.files;
}

function namesIn(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => KNOWN.test(name)).sort();
}
