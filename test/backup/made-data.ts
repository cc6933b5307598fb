import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterAll } from 'vitest';
import { DirectoryPlace } from '../../node/src/backup/place-directory.ts';
import { Repository } from '../../node/src/backup/repository.ts';
import { openDataDir } from '../../node/src/board/data-dir.ts';
import { assertShape } from '../../node/src/board/kept-shape.ts';
import { backUpData } from '../../node/src/board/offline/backup-data.ts';
import { encodeRecord, GroupBuilder, parseSite, type Site } from '../../node/src/contract/index.ts';
import { OfflineShards } from '../../node/src/shard/offline-shards.ts';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { SegmentPaste } from '../../node/src/store/log/paste-segments.ts';

const SITE_TEXT = `weir: 1
site: { name: Made, timezone: Europe/Berlin }
streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    id: [meter, ts]
    fields:
      kwh: { type: counter, unit: kWh, decimals: 3 }
      state: text
rollups:
  usage:
    of: electricity
    by: [[meter], [state], []]
    measures: { kwh: increase(kwh), readings: count() }
    tiers: { 1m: 7d, 1h: 4mo, 1d: 10y }
`;

export const SITE: Site = (() => {
  const { site, faults } = parseSite(SITE_TEXT, 'made.yaml');
  if (!site) throw new Error(JSON.stringify(faults));
  return site;
})();

const BASE_MS = Date.UTC(2026, 9, 24, 20);
const dirs: string[] = [];
afterAll(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-backup-'));
  dirs.push(dir);
  return dir;
}

/** Readings of 30 meters in arrays of ten, some of them twice, an hour of event time a hundred records. */
function* records(from: number, count: number, salt: number): Generator<{ seq: number; bytes: Uint8Array }> {
  const builder = new GroupBuilder(SITE);
  for (let seq = from; seq < from + count; seq++) {
    const wallMs = BASE_MS + seq * 36_000;
    for (const at of [seq, seq % 7 === 0 ? seq - 1 : seq]) {
      const meter = `m${(at * 7 + salt) % 30}`;
      const readings = Array.from({ length: 10 }, (_, n) => ({
        ts: BASE_MS + at * 36_000 - n * 3_000,
        kwh: at * 10 - n + salt,
        state: ['NY', 'CA'][at % 2],
      }));
      const topic = `meters/${meter}/electricity`;
      builder.add(topic, Buffer.from(JSON.stringify(readings)), wallMs);
    }
    yield { seq, bytes: encodeRecord(builder.take(seq, wallMs, true)) };
  }
}

export interface Made {
  /** Where the log begins. */
  first?: number;
  count?: number;
  /** Records that the store includes; all without it. */
  stored?: number;
  salt?: number;
}

/** A data directory as a stopped appliance leaves it, made without one. */
export async function madeData({
  first = 1,
  count = 200,
  stored = count,
  salt = 0,
}: Made = {}): Promise<string> {
  const root = join(await temporaryDir(), 'data');
  const dir = openDataDir(root);
  assertShape(SITE, dir.shape);
  await writeFile(dir.site, SITE_TEXT);
  await writeFile(dir.devices, '{"version":1,"devices":[]}\n', { mode: 0o600 });
  await writeFile(dir.tokens, '{"version":1,"tokens":[]}\n', { mode: 0o600 });
  const db = new Level<string, Buffer>(dir.sessions, { valueEncoding: 'buffer' });
  await db.put('opened', Buffer.alloc(4));
  await db.close();
  await grow(root, first, stored, salt, true);
  if (count > stored) await grow(root, first + stored, count - stored, salt, false);
  return root;
}

/** Appends records to a log, and counts them unless told otherwise. */
export async function grow(
  root: string,
  from: number,
  count: number,
  salt: number,
  counted: boolean,
): Promise<void> {
  const paste = await SegmentPaste.begin(root, from);
  for (const { seq, bytes } of records(from, count, salt)) await paste.add(seq, bytes);
  await paste.close();
  if (!counted) return;
  const shards = await OfflineShards.open(join(root, 'store'), SITE);
  const log = await openEmbeddedLog({ dir: root, ballastBytes: 0 });
  await shards.catchUp(log, { checkpoints: true });
  await shards.checkpoint();
  await log.close();
  await shards.close();
}

export async function backUp(data: string, place: string, passphrase: string | null = null) {
  const repository = await Repository.open(new DirectoryPlace(place), passphrase, true);
  const { id, manifest } = await backUpData(
    data,
    SITE,
    repository,
    { weir: 'test', nowMs: nextMs() },
    () => {},
  );
  return { id, manifest, repository };
}

let clockMs = Date.UTC(2026, 10, 1);
/** Each backup has a second of its own. */
function nextMs(): number {
  clockMs += 1_000;
  return clockMs;
}
