import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Manifest, objectsOf } from '../../node/src/backup/manifest.ts';
import { DirectoryPlace } from '../../node/src/backup/place-directory.ts';
import { Repository } from '../../node/src/backup/repository.ts';
import { seal } from '../../node/src/backup/seal.ts';
import { lifeOf, openDataDir, placesOf, RESTORING } from '../../node/src/board/data-dir.ts';
import { backUpData } from '../../node/src/board/offline/backup-data.ts';
import { restoreData } from '../../node/src/board/offline/restore-data.ts';
import { verifyData } from '../../node/src/board/offline/verify-data.ts';
import { backUp, grow, madeData, SITE, temporaryDir } from './made-data.ts';

/** A machine that does much else besides is slow. */
const LONG = 300_000;
const verify = (data: string, replay = false) => verifyData(data, SITE, { replay });

async function restore(place: string, passphrase: string | null = null, id?: string): Promise<string> {
  const target = join(await temporaryDir(), 'new');
  await restoreTo(target, place, passphrase, id);
  return target;
}

async function restoreTo(target: string, place: string, passphrase: string | null = null, id?: string) {
  const repository = await Repository.open(new DirectoryPlace(place), passphrase, false);
  const manifest = await repository.manifest(id ?? (await repository.kept())[0]);
  return restoreData(repository, manifest, target, () => {});
}

const place = async () => join(await temporaryDir(), 'usb');

async function piecesIn(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, 'objects'), { recursive: true, withFileTypes: true });
  return names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

describe('a backup', () => {
  test(
    'restored is in the same state, also where the store lags behind its log, and where the log begins late',
    async () => {
      for (const made of [{ count: 150 }, { count: 200, stored: 120 }, { first: 5_000, count: 60 }]) {
        const data = await madeData(made);
        await writeFile(join(data, 'archive.json'), '{"version":1,"archivedSeq":9}\n');
        await writeFile(join(data, 'archive-runs.ndjson'), '\n{"version":1,"from":1,"to":9}\n\n{"vers');
        const to = await place();
        await backUp(data, to);
        const restored = await restore(to);
        expect(await verify(restored)).toEqual(await verify(data));
        const archive = ['archive.json', 'archive-runs.ndjson'];
        for (const name of ['site.yaml', 'shape.json', 'devices.json', 'tokens.json', ...archive])
          expect(await readFile(join(restored, name), 'utf8')).toBe(await readFile(join(data, name), 'utf8'));
        for (const name of ['devices.json', 'tokens.json'])
          expect((await stat(join(restored, name))).mode & 0o777).toBe(0o600);
        expect(await readdir(restored)).not.toContain(RESTORING);
        // What it archives itself has names of its own.
        expect(lifeOf(placesOf(data))).toBe('');
        expect(lifeOf(placesOf(restored))).toMatch(/^-restored-\d{8}T\d{6}Z$/);
      }
    },
    LONG,
  );

  test(
    'of the same state copies nothing, after growth only what is new, and each restores to its own state',
    async () => {
      const data = await madeData();
      const to = await place();
      const first = await backUp(data, to);
      const before = await verify(data);
      expect((await backUp(data, to)).repository.copied.objects).toBe(0);
      await grow(data, 201, 60, 0, true);
      const second = await backUp(data, to);
      // The log's piece and the periods that have ended are not copied again.
      expect(second.manifest.log.pieces[0]).toEqual(first.manifest.log.pieces[0]);
      expect(second.manifest.log.last).toBe(260);
      expect(second.repository.shared.objects).toBeGreaterThan(10);
      expect(await verify(await restore(to))).toEqual(await verify(data));
      expect(await verify(await restore(to, null, first.id))).toEqual(before);
    },
    LONG,
  );

  test(
    'of a log with the same numbers and other records takes none of the old pieces',
    async () => {
      const to = await place();
      await backUp(await madeData(), to);
      const other = await madeData({ salt: 5 });
      await backUp(other, to);
      expect(await verify(await restore(to))).toEqual(await verify(other));
    },
    LONG,
  );

  test(
    'row 7: broken off anywhere leaves no backup, and the next one goes on from its pieces',
    async () => {
      const data = await madeData();
      const to = await place();
      const repository = await Repository.open(new DirectoryPlace(to), null, true);
      const whole = (await backUp(data, await place())).repository.copied.objects;
      for (const after of [1, Math.floor(whole / 2), whole - 1]) {
        const cut = await Repository.open(new CutPlace(to, after), null, true);
        await expect(backUpWith(cut, data)).rejects.toThrow('power cut');
        expect(await repository.kept()).toEqual([]);
      }
      const left = (await piecesIn(to)).length;
      const last = await backUp(data, to);
      expect(last.repository.copied.objects).toBe(whole - left);
      expect(await verify(await restore(to))).toEqual(await verify(data));
    },
    LONG,
  );

  test(
    'keeps as many as it is told, and the pieces that they need',
    async () => {
      const data = await madeData({ count: 100 });
      const to = await place();
      for (let at = 1; at < 4; at++) {
        await backUp(data, to);
        await grow(data, 1 + at * 100, 100, 0, true);
      }
      const { repository, id } = await backUp(data, to);
      expect(await repository.prune(1)).toMatchObject({ backups: 3 });
      expect(await repository.kept()).toEqual([id]);
      expect(await verify(await restore(to))).toEqual(await verify(data));
    },
    LONG,
  );
});

describe('a replay of the log', () => {
  test(
    'gives the state that is stored; a store that counted another log is found, shard by shard',
    async () => {
      const data = await madeData({ count: 120, stored: 80 });
      const same = await verify(data, true);
      expect(same.replay).toEqual({ equal: true, hash: same.hash, differing: [] });
      const other = await madeData({ count: 120, salt: 5 });
      await rm(join(data, 'store'), { recursive: true });
      await rename(join(other, 'store'), join(data, 'store'));
      const wrong = await verify(data, true);
      expect(wrong.replay?.equal).toBe(false);
      expect(wrong.replay?.differing.length).toBeGreaterThan(0);
      expect((await readdir(data)).filter((name) => name.startsWith('verify-'))).toEqual([]);
    },
    LONG,
  );

  test('of a log whose beginning is forgotten is refused', async () => {
    const data = await madeData({ first: 5_000, count: 20 });
    await expect(verify(data, true)).rejects.toMatchObject({ code: 'WEIR_NOT_FOUND' });
  });
});

describe('an encrypted backup', () => {
  test(
    'opens with its passphrase only, shows nothing without it, and does not mix with an open one',
    async () => {
      const data = await madeData({ count: 100 });
      const to = await place();
      const right = 'correct horse battery';
      await backUp(data, to, right);
      for (const path of await piecesIn(to))
        expect((await readFile(path)).includes('electricity'), path).toBe(false);
      await expect(restore(to)).rejects.toMatchObject({ code: 'WEIR_NOT_ALLOWED' });
      await expect(restore(to, 'correct horse batterx')).rejects.toMatchObject({ code: 'WEIR_NOT_ALLOWED' });
      expect(await verify(await restore(to, right))).toEqual(await verify(data));
      expect((await backUp(data, to, right)).repository.copied.objects).toBe(0);
      await expect(backUp(data, to)).rejects.toMatchObject({ code: 'WEIR_NOT_ALLOWED' });
      const [piece] = await piecesIn(to);
      const bytes = await readFile(piece);
      bytes[bytes.length >> 1] ^= 1;
      await writeFile(piece, bytes);
      await expect(restore(to, right)).rejects.toMatchObject({ code: 'WEIR_BACKUP_DAMAGED' });
    },
    LONG,
  );

  test('takes no short passphrase', async () => {
    await expect(Repository.open(new DirectoryPlace(await place()), 'short', true)).rejects.toMatchObject({
      code: 'WEIR_USAGE',
    });
  });
});

describe('directories that hold something else', () => {
  test('are neither backed up into nor restored over', async () => {
    const dir = await temporaryDir();
    await writeFile(join(dir, 'letter'), 'to somebody');
    const data = await madeData({ count: 10 });
    await expect(backUp(data, dir)).rejects.toMatchObject({ code: 'WEIR_USAGE' });
    const to = await place();
    await backUp(data, to);
    await expect(restoreTo(dir, to)).rejects.toMatchObject({ code: 'WEIR_USAGE' });
    expect(await readdir(dir)).toEqual(['letter']);
  });
});

describe('row 67: a backup from somebody who means harm', () => {
  let data: string;
  let to: string;
  let manifest: Manifest;

  beforeAll(async () => {
    data = await madeData({ count: 60 });
    to = await place();
    manifest = (await backUp(data, to)).manifest;
  }, LONG);

  /** Refused, with nothing made beside the target, on which no appliance starts. */
  async function expectRefused(target: string): Promise<void> {
    await expect(restoreTo(target, to)).rejects.toMatchObject({ code: 'WEIR_BACKUP_DAMAGED' });
    expect(await readdir(join(target, '..'))).toEqual(['new']);
  }

  test(
    'pieces that are cut, exchanged, links elsewhere or gone; mended, the same restore is started again',
    async () => {
      const target = join(await temporaryDir(), 'new');
      await mkdir(target);
      const [first, second] = [...objectsOf(manifest)]
        .slice(-2)
        .map((name) => join(to, 'objects', name.slice(0, 2), name));
      const bytes = await readFile(first);
      for (const spoil of [
        () => writeFile(first, bytes.subarray(0, bytes.length - 1)),
        async () => writeFile(first, await readFile(second)),
        async () => {
          await rm(first);
          await symlink('/dev/zero', first);
        },
        () => rm(first),
      ]) {
        await spoil();
        await expectRefused(target);
        expect(() => openDataDir(target)).toThrow(/interrupted/);
      }
      await writeFile(first, bytes);
      await restoreTo(target, to);
      expect(await verify(target)).toEqual(await verify(data));
    },
    LONG,
  );

  /** A list and pieces that are consistent in themselves, as somebody who has this program can make them. */
  async function forged(change: (forgery: Manifest, put: Repository['put']) => Promise<void>): Promise<void> {
    const repository = await Repository.open(new DirectoryPlace(to), null, true);
    const forgery = structuredClone(manifest);
    forgery.createdAt = Date.UTC(2030, 0, 1);
    await change(forgery, (piece) => repository.put(piece));
    const id = await repository.keep(forgery);
    try {
      const target = join(await temporaryDir(), 'new');
      await mkdir(target);
      await expectRefused(target);
    } finally {
      await rm(join(to, 'backups', id));
    }
  }

  const slabOf = (table: string, value: number[]) =>
    Buffer.from([1, table.length, ...Buffer.from(table), 0, 2, value.length, 0x41, ...value, 0]);

  test.each<[string, (forgery: Manifest, put: Repository['put']) => Promise<void>]>([
    [
      'names that lead out of the directory',
      async (forgery) => {
        (forgery.files[0] as { name: string }).name = '../../etc/cron.d/weir';
      },
    ],
    [
      'names of pieces that are paths',
      async (forgery) => {
        forgery.files[0].object = '../../../../etc/passwd'.padEnd(64, '0');
      },
    ],
    [
      'a log with a gap',
      async (forgery) => {
        forgery.log.pieces[0].to -= 1;
      },
    ],
    [
      'a position past the log',
      async (forgery) => {
        forgery.shards[3].position += 1_000;
      },
    ],
    [
      'another state than it says',
      async (forgery) => {
        forgery.shards[3].hash = '0'.repeat(32);
      },
    ],
    [
      'a shard that is there twice',
      async (forgery) => {
        forgery.shards[3] = forgery.shards[2];
      },
    ],
    [
      'a table that nobody knows',
      async (forgery, put) => {
        forgery.shards[0].slabs = [await put(slabOf('evil/x', [1]))];
      },
    ],
    [
      'a value that claims to be a billion rows',
      async (forgery, put) => {
        forgery.shards[0].slabs = [
          await put(slabOf('history/electricity', [1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        ];
      },
    ],
    [
      'bytes that are no slab',
      async (forgery, put) => {
        forgery.shards[0].slabs = [await put(Buffer.from([1, 200]))];
      },
    ],
    [
      'records that are none',
      async (forgery, put) => {
        forgery.log.pieces[0].object = await put(Buffer.from([1, 1, 2, 9, 9]));
      },
    ],
    [
      'a session that no appliance could load',
      async (forgery, put) => {
        forgery.sessions = [await put(Buffer.from([1, 3, 4, 115, 0, 97, 0, 0, 0, 0]))];
      },
    ],
    [
      'a site file that is none',
      async (forgery, put) => {
        forgery.files.find(({ name }) => name === 'site.yaml')!.object = await put(Buffer.from('weir: 2\n'));
      },
    ],
  ])('%s', async (_, change) => forged(change), LONG);

  test('a piece that unpacks to more than it says stays small', async () => {
    const bomb = seal(Buffer.alloc(32 * 1024 * 1024), null);
    bomb.writeUInt32LE(1_000, 6);
    const name = manifest.files[0].object;
    const path = join(to, 'objects', name.slice(0, 2), name);
    const bytes = await readFile(path);
    await writeFile(path, bomb);
    const target = join(await temporaryDir(), 'new');
    await mkdir(target);
    await expectRefused(target);
    await writeFile(path, bytes);
  });

  test(
    'check names a damaged piece and removes it, and the next backup copies it again',
    async () => {
      const [first] = await piecesIn(to);
      const bytes = await readFile(first);
      bytes[bytes.length - 1] ^= 1;
      await writeFile(first, bytes);
      const repository = await Repository.open(new DirectoryPlace(to), null, false);
      expect((await repository.check()).damaged).toHaveLength(1);
      expect((await backUp(data, to)).repository.copied.objects).toBe(1);
      expect((await repository.check()).damaged).toEqual([]);
    },
    LONG,
  );
});

async function backUpWith(repository: Repository, data: string): Promise<void> {
  await backUpData(data, SITE, repository, { weir: 'test', nowMs: 0 }, () => {});
}

/** Takes so many pieces, and then the power is cut. */
class CutPlace extends DirectoryPlace {
  #left: number;

  constructor(root: string, left: number) {
    super(root);
    this.#left = left;
  }

  override async write(name: string, bytes: Uint8Array): Promise<void> {
    if (name.startsWith('objects/') && this.#left-- <= 0) throw new Error('power cut');
    if (name.startsWith('backups/')) throw new Error('power cut');
    await super.write(name, bytes);
  }
}
