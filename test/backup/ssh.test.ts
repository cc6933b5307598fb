import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { objectsOf } from '../../node/src/backup/manifest.ts';
import { NAMES } from '../../node/src/backup/place.ts';
import { SshPlace } from '../../node/src/backup/place-ssh.ts';
import { Repository } from '../../node/src/backup/repository.ts';
import { parseSshAddress } from '../../node/src/backup/ssh/address.ts';
import { backUpData } from '../../node/src/board/offline/backup-data.ts';
import { restoreData } from '../../node/src/board/offline/restore-data.ts';
import { verifyData } from '../../node/src/board/offline/verify-data.ts';
import { weir } from '../product/appliance.ts';
import { madeData, SITE, temporaryDir } from './made-data.ts';
import { Sshd } from './sshd.ts';

/** A machine that does much else besides is slow. */
const LONG = 300_000;
const verify = (data: string) => verifyData(data, SITE, { replay: false });

let sshd: Sshd;
beforeAll(async () => {
  sshd = await Sshd.start();
}, LONG);

/** A backup into a place of the class given, which is closed whatever comes. */
async function backUp(data: string, place: SshPlace) {
  try {
    const repository = await Repository.open(place, null, true);
    const made = await backUpData(data, SITE, repository, { weir: 'test', nowMs: Date.now() }, () => {});
    return { ...made, repository };
  } finally {
    await place.close();
  }
}

describe('a backup over ssh', () => {
  test(
    'restores to the same state, is not copied twice, and is checked and listed by the command',
    async () => {
      const data = await madeData();
      const config = await sshd.config();
      const url = sshd.url("it's here/weir").replaceAll(' ', '%20');
      const command = async (...args: string[]) => {
        const { status, stdout, stderr } = await weir(...args, '--ssh-config', config, '--json');
        expect(status, stderr).toBe(0);
        return JSON.parse(stdout);
      };
      const first = await command('backup', url, '--data', data);
      expect(first.copied.objects).toBeGreaterThan(10);
      expect((await command('backup', url, '--data', data)).copied.objects).toBe(0);
      const far = join(sshd.far, "it's here/weir");
      expect((await stat(far)).mode & 0o777).toBe(0o700);
      expect((await readdir(far)).sort()).toEqual(['backups', 'objects', 'weir-backup.json']);
      expect((await command('backup', url, '--list')).backups).toHaveLength(2);
      expect(await command('backup', url, '--check')).toMatchObject({ damaged: [] });
      const target = join(await temporaryDir(), 'new');
      await command('restore', url, '--data', target);
      expect(await verify(target)).toEqual(await verify(data));
    },
    LONG,
  );

  test(
    'that breaks off is no backup, leaves no process there, and goes on from its pieces',
    async () => {
      const data = await madeData({ count: 100 });
      const config = await sshd.config();
      const url = sshd.url('cut');
      const broken = new CutLine(url, config, 10, () => sshd.cut());
      await expect(backUp(data, broken)).rejects.toMatchObject({ code: 'WEIR_UNREACHABLE' });
      const place = new SshPlace(url, config);
      const repository = await Repository.open(place, null, false);
      expect(await repository.kept()).toEqual([]);
      await place.close();
      const { repository: after, manifest } = await backUp(data, new SshPlace(url, config));
      expect(after.copied.objects).toBe(new Set(objectsOf(manifest)).size - 10);
      expect(await readdir(join(sshd.far, 'cut'))).not.toContainEqual(expect.stringMatching(/^unfinished/));
      await sshd.left();
    },
    LONG,
  );

  test(
    'notices what is damaged there: changed, too large, or no file; and copies it again after a check',
    async () => {
      const data = await madeData({ count: 20 });
      const place = new SshPlace(sshd.url('damaged'), await sshd.config());
      const repository = await Repository.open(place, null, true);
      const about = { weir: 'test', nowMs: Date.now() };
      const { manifest } = await backUpData(data, SITE, repository, about, () => {});
      const name = NAMES.object([...objectsOf(manifest)][0]);
      const path = join(sshd.far, 'damaged', name);
      const bytes = await readFile(path);
      await expect(place.read(name, bytes.length - 1)).rejects.toMatchObject({ code: 'WEIR_BACKUP_DAMAGED' });
      expect((await place.read(name, bytes.length))?.equals(bytes)).toBe(true);
      await rm(path);
      await mkdir(path);
      await expect(place.read(name, 1_000)).rejects.toMatchObject({ code: 'WEIR_BACKUP_DAMAGED' });
      await rm(path, { recursive: true });
      expect(await place.read(name, 1_000)).toBe(null);
      bytes[bytes.length - 1] ^= 1;
      await writeFile(path, bytes);
      const target = join(await temporaryDir(), 'new');
      await expect(restoreData(repository, manifest, target, () => {})).rejects.toMatchObject({
        code: 'WEIR_BACKUP_DAMAGED',
      });
      expect((await repository.check()).damaged).toHaveLength(1);
      await place.close();
      const again = await backUp(data, new SshPlace(sshd.url('damaged'), await sshd.config()));
      expect(again.repository.copied.objects).toBe(1);
    },
    LONG,
  );

  test(
    'forgets pieces of old backups by the age that the other machine tells',
    async () => {
      const data = await madeData({ count: 20 });
      const config = await sshd.config();
      await backUp(data, new SshPlace(sshd.url('old'), config));
      const stray = join(sshd.far, 'old', NAMES.object('a'.repeat(64)));
      await mkdir(join(stray, '..'), { recursive: true });
      await writeFile(stray, 'x');
      execFileSync('touch', ['-d', '2 days ago', stray]);
      const place = new SshPlace(sshd.url('old'), config);
      const repository = await Repository.open(place, null, false);
      expect(await repository.prune(1)).toEqual({ backups: 0, objects: 1 });
      await place.close();
    },
    LONG,
  );
});

describe('what says no', { timeout: LONG }, () => {
  const attempt = async (url: string, config: string) => {
    const place = new SshPlace(url, config);
    try {
      await place.prepare();
      return null;
    } catch (fault) {
      const { code, message, suggestion } = fault as Record<string, string>;
      return { code, message, suggestion };
    } finally {
      await place.close();
    }
  };

  test('a host that is not known, or has another key than is known, is not trusted', async () => {
    expect(await attempt(sshd.url('x'), await sshd.config({ hosts: 'no_hosts' }))).toMatchObject({
      code: 'WEIR_NOT_ALLOWED',
      suggestion: expect.stringContaining(`ssh -p ${sshd.port}`),
    });
    expect(await attempt(sshd.url('x'), await sshd.config({ hosts: 'other_hosts' }))).toMatchObject({
      code: 'WEIR_NOT_ALLOWED',
      suggestion: expect.stringContaining('has changed'),
    });
    expect(await readdir(sshd.far)).not.toContain('x');
  });

  test('a key that is not let in asks for nothing and says what is needed', async () => {
    expect(await attempt(sshd.url('x'), await sshd.config({ key: 'stranger' }))).toMatchObject({
      code: 'WEIR_NOT_ALLOWED',
      suggestion: expect.stringContaining('ssh-copy-id'),
    });
  });

  test('nobody who listens is unreachable', async () => {
    const other = await Sshd.start();
    const config = await other.config();
    await other.stop();
    expect(await attempt(other.url('x'), config)).toMatchObject({ code: 'WEIR_UNREACHABLE' });
  });

  test('an account without a shell is named as such', async () => {
    const other = await Sshd.start('/bin/echo no commands here');
    expect(await attempt(other.url('x'), await other.config())).toMatchObject({
      code: 'WEIR_BACKUP_UNAVAILABLE',
      message: expect.stringContaining('runs no commands'),
    });
  });

  test('a directory that cannot be made, or holds something else, is not written to', async () => {
    await writeFile(join(sshd.far, 'letter'), 'to somebody');
    expect(await attempt(sshd.url('letter/weir'), await sshd.config())).toMatchObject({
      code: 'WEIR_BACKUP_UNAVAILABLE',
      message: expect.stringContaining('letter'),
    });
    expect(await attempt(sshd.url(''), await sshd.config())).toMatchObject({ code: 'WEIR_USAGE' });
    expect(await readFile(join(sshd.far, 'letter'), 'utf8')).toBe('to somebody');
  });
});

describe('an address', () => {
  test.each([
    ['ssh://backup@nas/srv/weir', { user: 'backup', host: 'nas', port: null, dir: '/srv/weir' }],
    ['ssh://nas:2222/~/weir/', { user: null, host: 'nas', port: 2222, dir: './weir' }],
    ['ssh://b@[fe80::1]:22/a%20b', { user: 'b', host: 'fe80::1', port: 22, dir: '/a b' }],
  ])('%s', (url, expected) => {
    expect(parseSshAddress(url)).toEqual({ url, ...expected });
  });

  test.each([
    'ssh://nas',
    'ssh://nas/',
    'ssh://nas/~/',
    'ssh://-oProxyCommand=x/srv',
    'ssh://-l@nas/srv',
    'ssh://a:secret@nas/srv',
    'ssh://nas:0/srv',
    'ssh://nas:99999/srv',
    'ssh://na$(x)/srv',
    'ssh://nas/%zz',
  ])('%s is refused, and no password is repeated', (url) => {
    let fault: Error | null = null;
    try {
      parseSshAddress(url);
    } catch (thrown) {
      fault = thrown as Error;
    }
    expect(fault).toMatchObject({ code: 'WEIR_USAGE' });
    expect(fault!.message).not.toContain('secret');
  });
});

/** Takes so many pieces, and then the line is cut while the next is under way. */
class CutLine extends SshPlace {
  #left: number;
  readonly #cut: () => void;

  constructor(url: string, config: string, left: number, cut: () => void) {
    super(url, config);
    this.#left = left;
    this.#cut = cut;
  }

  override async write(name: string, bytes: Uint8Array): Promise<void> {
    if (!name.startsWith('objects/') || this.#left-- > 0) return super.write(name, bytes);
    const writing = super.write(name, bytes);
    this.#cut();
    return writing;
  }
}
