import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { LIMITS, WeirError } from '../contract/index.ts';

const Name = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Sequence = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Bytes = Sequence;

/** Files of a data directory that are copied as they are. Nothing else is ever written by name. */
const CopiedFile = Type.Union([
  Type.Literal('site.yaml'),
  Type.Literal('shape.json'),
  Type.Literal('devices.json'),
  Type.Literal('tokens.json'),
  Type.Literal('users.json'),
  Type.Literal('archive.json'),
  Type.Literal('archive-runs.ndjson'),
]);
export type CopiedFile = Static<typeof CopiedFile>;
export const COPIED_FILES: readonly CopiedFile[] = [
  'site.yaml',
  'shape.json',
  'devices.json',
  'tokens.json',
  'users.json',
  // How far the archive is, and then what is in it: what is noted between the two is archived once more.
  'archive.json',
  'archive-runs.ndjson',
];

const LogPiece = Type.Object({
  from: Sequence,
  to: Sequence,
  object: Name,
  bytes: Bytes,
  /** SHA-256 of the record `to`: whether a log is the one that the piece was copied from. */
  last: Type.String({ pattern: '^(?:[0-9a-f]{64}|damaged)$' }),
});
export type LogPiece = Static<typeof LogPiece>;

/** What one backup is made of: names of pieces, many of which other backups share. */
export const Manifest = Type.Object({
  format: Type.Literal('weir backup'),
  version: Type.Literal(1),
  weir: Type.String({ maxLength: 100 }),
  site: Type.String({ maxLength: 200 }),
  createdAt: Type.Number(),
  /** Version of the data directory. */
  data: Type.Literal(1),
  files: Type.Array(Type.Object({ name: CopiedFile, object: Name }), {
    maxItems: COPIED_FILES.length,
  }),
  log: Type.Object({ first: Sequence, last: Sequence, pieces: Type.Array(LogPiece, { maxItems: 200_000 }) }),
  shards: Type.Array(
    Type.Object({
      shard: Type.Integer({ minimum: 0, maximum: LIMITS.shards - 1 }),
      position: Sequence,
      hash: Type.String({ pattern: '^[0-9a-f]{32}$' }),
      bytes: Bytes,
      slabs: Type.Array(Name, { maxItems: 200_000 }),
    }),
    { minItems: LIMITS.shards, maxItems: LIMITS.shards },
  ),
  sessions: Type.Array(Name, { maxItems: 10_000 }),
});
export type Manifest = Static<typeof Manifest>;

export function encodeManifest(manifest: Manifest): Buffer {
  return Buffer.from(JSON.stringify(manifest));
}

/** Throws WEIR_BACKUP_DAMAGED unless all of it is what a backup writes, and fits together. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new WeirError('WEIR_BACKUP_DAMAGED', 'the list of the backup is no JSON', { cause });
  }
  if (!Value.Check(Manifest, parsed))
    throw new WeirError('WEIR_BACKUP_DAMAGED', 'the list of the backup is not one that this weir reads');
  const { log, shards, files } = parsed;
  let next = log.first;
  for (const { from, to } of log.pieces) {
    if (from !== next || to < from)
      throw new WeirError('WEIR_BACKUP_DAMAGED', 'the log of the backup has a gap');
    next = to + 1;
  }
  const isWhole =
    next === log.last + 1 &&
    shards.every(({ shard, position }, at) => shard === at && position <= log.last) &&
    new Set(files.map(({ name }) => name)).size === files.length;
  if (!isWhole) throw new WeirError('WEIR_BACKUP_DAMAGED', 'the list of the backup does not fit together');
  return parsed;
}

/** Every piece that a backup needs. */
export function* objectsOf(manifest: Manifest): Generator<string> {
  for (const { object } of manifest.files) yield object;
  for (const { object } of manifest.log.pieces) yield object;
  for (const { slabs } of manifest.shards) yield* slabs;
  yield* manifest.sessions;
}
