import { randomBytes } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { WeirError } from '../contract/index.ts';
import { type BackupKeys, KeyDerivation, keysFor, newKeys } from './keys.ts';
import { decodeManifest, encodeManifest, type Manifest, objectsOf } from './manifest.ts';
import { NAMES, type Place } from './place.ts';
import { MAX_PLAIN_BYTES, MAX_SEALED_BYTES, nameOf, seal, unseal } from './seal.ts';

const Header = Type.Object({
  format: Type.Literal('weir backup'),
  version: Type.Literal(1),
  id: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  /** Null where nothing is encrypted. */
  keys: Type.Union([Type.Null(), KeyDerivation]),
});
type Header = Static<typeof Header>;

const HEADER_BYTES = 16 * 1024;
/** Pieces that no list names may belong to a backup that is being made. */
const PRUNE_AFTER_MS = 24 * 3_600_000;

export interface Kept {
  id: string;
  createdAt: number;
}

/** Backups of one appliance in one place, which share their pieces. */
export class Repository {
  readonly place: Place;
  readonly #keys: BackupKeys | null;
  readonly #known: Set<string>;
  copied = { objects: 0, bytes: 0 };
  shared = { objects: 0 };

  private constructor(place: Place, keys: BackupKeys | null, known: Set<string>) {
    this.place = place;
    this.#keys = keys;
    this.#known = known;
  }

  /** `create`: an empty place becomes one. */
  static async open(place: Place, passphrase: string | null, create: boolean): Promise<Repository> {
    if (create) await place.prepare();
    const found = await place.read(NAMES.header, HEADER_BYTES);
    if (found === null && !create)
      throw new WeirError('WEIR_NOT_FOUND', `there is no backup of weir in ${place.name}`);
    const keys = found === null ? await begin(place, passphrase) : keysOf(headerOf(found), passphrase);
    const known = new Set<string>();
    for (const { name } of await place.list(NAMES.objects)) known.add(name.slice(name.lastIndexOf('/') + 1));
    return new Repository(place, keys, known);
  }

  /** Copies a piece unless it is there already; answers its name. */
  async put(plain: Uint8Array): Promise<string> {
    if (plain.length > MAX_PLAIN_BYTES) throw new Error(`a piece of ${plain.length} bytes is too large`);
    const name = nameOf(plain, this.#keys);
    if (this.#known.has(name)) {
      this.shared.objects++;
      return name;
    }
    const sealed = seal(plain, this.#keys);
    await this.place.write(NAMES.object(name), sealed);
    this.#known.add(name);
    this.copied.objects++;
    this.copied.bytes += sealed.length;
    return name;
  }

  has(object: string): boolean {
    return this.#known.has(object);
  }

  /** A piece that is exactly what its name says, or WEIR_BACKUP_DAMAGED. */
  async get(object: string): Promise<Buffer> {
    const sealed = await this.place.read(NAMES.object(object), MAX_SEALED_BYTES);
    if (sealed === null) throw damaged(`the piece ${object} is missing`);
    const plain = unseal(sealed, this.#keys);
    if (plain === null || nameOf(plain, this.#keys) !== object)
      throw damaged(`the piece ${object} is damaged`);
    return plain;
  }

  /** Written last, so that a backup that was interrupted is none. */
  async keep(manifest: Manifest): Promise<string> {
    const plain = encodeManifest(manifest);
    const stamp = new Date(manifest.createdAt).toISOString().replace(/[-:]|\.\d+/g, '');
    const id = `${stamp}-${nameOf(plain, this.#keys).slice(0, 32)}`;
    await this.place.write(NAMES.manifest(id), seal(plain, this.#keys));
    return id;
  }

  /** The newest first. */
  async kept(): Promise<string[]> {
    const files = await this.place.list(NAMES.manifests);
    return files
      .map(({ name }) => name.slice(NAMES.manifests.length + 1))
      .sort()
      .reverse();
  }

  async manifest(id: string): Promise<Manifest> {
    const sealed = await this.place.read(NAMES.manifest(id), MAX_SEALED_BYTES);
    if (sealed === null)
      throw new WeirError('WEIR_NOT_FOUND', `there is no backup ${id} in ${this.place.name}`);
    const plain = unseal(sealed, this.#keys);
    if (plain === null || nameOf(plain, this.#keys).slice(0, 32) !== id.slice(-32))
      throw damaged(`the list of the backup ${id} is damaged`);
    return decodeManifest(plain);
  }

  /** Reads every piece of every backup. What is damaged is removed, so that the next backup copies it again. */
  async check(): Promise<{ objects: number; damaged: string[] }> {
    const bad: string[] = [];
    const wanted = new Set<string>();
    for (const id of await this.kept())
      for (const object of objectsOf(await this.manifest(id))) wanted.add(object);
    for (const object of wanted)
      try {
        await this.get(object);
      } catch (fault) {
        if (!(fault instanceof WeirError) || fault.code !== 'WEIR_BACKUP_DAMAGED') throw fault;
        bad.push(object);
        await this.place.remove(NAMES.object(object));
        this.#known.delete(object);
      }
    return { objects: wanted.size, damaged: bad };
  }

  /** Keeps the newest `count` backups, and the pieces that they need. */
  async prune(count: number): Promise<{ backups: number; objects: number }> {
    const ids = await this.kept();
    const needed = new Set<string>();
    // Lists are read before any is removed: one that cannot be read keeps everything.
    for (const id of ids.slice(0, count))
      for (const object of objectsOf(await this.manifest(id))) needed.add(NAMES.object(object));
    for (const id of ids.slice(count)) await this.place.remove(NAMES.manifest(id));
    let objects = 0;
    for (const { name, ageMs } of await this.place.list(NAMES.objects)) {
      if (needed.has(name) || ageMs < PRUNE_AFTER_MS) continue;
      await this.place.remove(name);
      objects++;
    }
    return { backups: Math.max(0, ids.length - count), objects };
  }
}

async function begin(place: Place, passphrase: string | null): Promise<BackupKeys | null> {
  const made = passphrase === null ? null : newKeys(passphrase);
  const header: Header = {
    format: 'weir backup',
    version: 1,
    id: randomBytes(16).toString('hex'),
    keys: made?.derivation ?? null,
  };
  await place.write(NAMES.header, Buffer.from(`${JSON.stringify(header, null, 2)}\n`));
  return made?.keys ?? null;
}

function headerOf(bytes: Buffer): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new WeirError('WEIR_BACKUP_DAMAGED', `${NAMES.header} is no JSON`, { cause });
  }
  if (Value.Check(Header, parsed)) return parsed;
  throw damaged(`${NAMES.header} is not one that this weir reads`);
}

function keysOf(header: Header, passphrase: string | null): BackupKeys | null {
  if (header.keys === null) {
    if (passphrase === null) return null;
    throw new WeirError('WEIR_USAGE', 'this backup is not encrypted, and cannot become so', {
      suggestion: 'Leave out --passphrase-file, or begin another one in an empty directory.',
    });
  }
  if (passphrase === null)
    throw new WeirError('WEIR_NOT_ALLOWED', 'the backup is encrypted', {
      suggestion: 'Give its passphrase with --passphrase-file FILE.',
    });
  return keysFor(passphrase, header.keys);
}

function damaged(message: string): WeirError {
  return new WeirError('WEIR_BACKUP_DAMAGED', message);
}
