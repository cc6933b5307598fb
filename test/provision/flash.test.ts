import { execFileSync } from 'node:child_process';
import {
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { isWeirError } from '@weir/node/contract';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { boardKind } from '../../provision/src/boards/boards.ts';
import { THIS_MACHINE } from '../../provision/src/flash/disk-facts.ts';
import { type FlashOptions, flash } from '../../provision/src/flash/flash.ts';
import type { Seed } from '../../provision/src/flash/seed.ts';
import { temporaryDir } from './run-weir.ts';

vi.setConfig({ testTimeout: 180_000 });

const MEBIBYTE = 1 << 20;
const SEED: Seed = {
  hostname: 'gate1',
  domain: 'local',
  timezone: 'Europe/Berlin',
  user: 'root',
  sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJlOYZvvuUbE2Akl8spGpty6luyoEQLcDbQFidz4HFUH operator'],
  interface: 'e*',
  address: '192.168.1.21/24',
  gateway: '192.168.1.1',
  dns: ['192.168.1.1'],
  joinSecret: 'open sesame',
  package: { name: 'weir_0.1.0_arm64.deb', bytes: Buffer.alloc(100_000, 'weir') },
  site: 'weir: 1\n',
};

const run = (command: string, args: string[], input?: string) =>
  execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });

interface Made {
  dir: string;
  image: string;
}

/** A disk image as one downloads it: a boot loader from sector 1 (MBR), and an ext4 with a small system. */
async function image(table: 'mbr' | 'gpt', more: Record<string, string> = {}): Promise<Made> {
  const dir = await temporaryDir();
  const tree = join(dir, 'tree');
  for (const [path, content] of Object.entries({
    'etc/hostname': 'armbian\n',
    'root/.bashrc': '',
    ...more,
  })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
  const path = join(dir, 'debian.img');
  writeFileSync(path, '');
  truncateSync(path, 24 * MEBIBYTE);
  const type = table === 'mbr' ? '83' : 'linux';
  const script = `label: ${table === 'mbr' ? 'dos' : 'gpt'}\nstart=2048, size=40960, type=${type}\n`;
  run('/usr/sbin/sfdisk', ['-q', path], script);
  run('/usr/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', '-d', tree, '-E', `offset=${MEBIBYTE}`, path, '20M']);
  if (table === 'mbr') run('dd', [`of=${path}`, 'bs=512', 'seek=1', 'conv=notrunc', 'status=none'], 'U-Boot');
  return { dir, image: path };
}

const typed: string[] = [];
function options(made: Made, to: string, more: Partial<FlashOptions> = {}): FlashOptions {
  return {
    image: made.image,
    board: SMALL,
    seed: SEED,
    way: 'auto',
    to,
    sizeBytes: null,
    sha256: undefined,
    dryRun: false,
    workDir: made.dir,
    trees: THIS_MACHINE,
    confirm: async ({ id }) => id,
    say: (line) => void typed.push(line),
    isTerminal: false,
    ...more,
  };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (fault: unknown) => (isWeirError(fault) ? `${fault.code} ${fault.field ?? ''}`.trim() : String(fault)),
  );

/** A file of the ext4 in an image, as debugfs reads it. */
function inRoot(disk: string, path: string): string {
  return run('/usr/sbin/debugfs', ['-R', `cat ${path}`, `${disk}?offset=${MEBIBYTE}`]);
}
const statInRoot = (disk: string, path: string) =>
  run('/usr/sbin/debugfs', ['-R', `stat ${path}`, `${disk}?offset=${MEBIBYTE}`]);

function soundRoot(disk: string, dir: string): void {
  const root = join(dir, 'root.ext4');
  run('dd', [`if=${disk}`, `of=${root}`, 'bs=1M', 'skip=1', 'count=20', 'status=none']);
  run('/usr/sbin/e2fsck', ['-f', '-n', root]);
}

test('an image without cloud-init gets its name, network, keys, zone, secret and package as files', async () => {
  const made = await image('mbr', { 'root/.not_logged_in_yet': '', 'etc/localtime': 'UTC' });
  const to = join(made.dir, 'card.img');
  const flashed = await flash(options(made, to, { board: boardKind('odroid-c4') }));
  expect(flashed).toMatchObject({ written: true, seeded: 'files', table: 'mbr', imageBytes: 24 * MEBIBYTE });
  expect(flashed.sha256).toBe(run('sha256sum', [to]).slice(0, 64));
  expect(inRoot(to, '/etc/hostname')).toBe('gate1\n');
  expect(inRoot(to, '/etc/systemd/network/05-weir.network')).toContain(
    'Address=192.168.1.21/24\nGateway=192.168.1.1',
  );
  expect(inRoot(to, '/root/.ssh/authorized_keys')).toBe(`${SEED.sshKeys[0]}\n`);
  expect(inRoot(to, '/etc/weir/join-secret')).toBe('open sesame\n');
  expect(inRoot(to, '/etc/weir/site.yaml')).toBe('weir: 1\n');
  expect(inRoot(to, '/var/lib/weir-first-boot/weir_0.1.0_arm64.deb')).toHaveLength(100_000);
  const keys = statInRoot(to, '/root/.ssh/authorized_keys');
  expect(keys).toMatch(/Mode: +0600/);
  expect(keys).toMatch(/User: +0 +Group: +0 /);
  expect(statInRoot(to, '/root/.ssh')).toMatch(/Type: directory +Mode: +0700/);
  expect(statInRoot(to, '/etc/weir/join-secret')).toMatch(/Mode: +0600/);
  expect(statInRoot(to, '/usr/local/sbin/weir-first-boot')).toMatch(/Mode: +0755/);
  expect(statInRoot(to, '/etc/localtime')).toContain('/usr/share/zoneinfo/Europe/Berlin');
  expect(run('/usr/sbin/debugfs', ['-R', 'ls /root', `${to}?offset=${MEBIBYTE}`])).not.toContain(
    'not_logged_in',
  );
  const first = inRoot(to, '/usr/local/sbin/weir-first-boot');
  run('dash', ['-n'], first);
  // What it made is on the disk before it removes itself; an image without keys of ssh has an ssh that gave up.
  expect(first).toMatch(
    /ssh-keygen -A[\s\S]* restart ssh\.service[\s\S]* -i "\$package"\ndone\nsync\nrm -rf /,
  );
  soundRoot(to, made.dir);
  expect(statSync(to).mode & 0o777).toBe(0o600);
  expect(readdirSync(made.dir).filter((name) => name.startsWith('weir-flash-'))).toEqual([]);
});

test('an image with cloud-init gets the files of NoCloud', async () => {
  const made = await image('gpt', { 'etc/cloud/cloud.cfg': '' });
  const to = join(made.dir, 'card.img');
  expect(await flash(options(made, to))).toMatchObject({ seeded: 'cloud', table: 'gpt' });
  const at = '/var/lib/cloud/seed/nocloud';
  const userData = inRoot(to, `${at}/user-data`);
  expect(userData.split('\n')[0]).toBe('#cloud-config');
  expect(parse(userData)).toMatchObject({
    hostname: 'gate1',
    timezone: 'Europe/Berlin',
    ssh_pwauth: false,
    users: [{ name: 'root', ssh_authorized_keys: SEED.sshKeys }],
    write_files: [
      { path: '/etc/weir/join-secret', permissions: '0600', content: 'open sesame\n' },
      { path: '/etc/weir/site.yaml', permissions: '0644', content: 'weir: 1\n' },
    ],
  });
  expect(parse(inRoot(to, `${at}/network-config`))).toMatchObject({
    version: 2,
    ethernets: { weir: { match: { name: 'e*' }, optional: true, addresses: ['192.168.1.21/24'] } },
  });
  expect(parse(inRoot(to, `${at}/meta-data`))).toMatchObject({ 'local-hostname': 'gate1' });
  soundRoot(to, made.dir);
});

test('a volume CIDATA is added where that is asked for, at the end of the size that was given', async () => {
  const made = await image('gpt');
  const to = join(made.dir, 'card.img');
  const size = 64 * MEBIBYTE;
  await flash(options(made, to, { way: 'cidata', sizeBytes: size }));
  expect(statSync(to).size).toBe(size);
  const dump = JSON.parse(run('/usr/sbin/sfdisk', ['--json', to])) as {
    partitiontable: { partitions: { start: number }[] };
  };
  const start = dump.partitiontable.partitions[1].start * 512;
  expect(run('mtype', ['-i', `${to}@@${start}`, '::user-data'])).toContain('mount -o ro LABEL=CIDATA');
  run('mcopy', ['-i', `${to}@@${start}`, '::weir.deb', join(made.dir, 'back.deb')]);
  expect(readFileSync(join(made.dir, 'back.deb')).equals(SEED.package?.bytes as Buffer)).toBe(true);
});

test.each(['gz', 'xz', 'zst'])(
  'an image packed as .%s is unpacked, and a damaged one leaves nothing',
  async (kind) => {
    const made = await image('mbr');
    const packed = join(made.dir, `debian.img.${kind}`);
    const pack = { gz: ['gzip', '-1', '-k'], xz: ['xz', '-0', '-k'], zst: [] }[kind] as string[];
    if (kind === 'zst') writeFileSync(packed, zstdCompressSync(readFileSync(made.image)));
    else run(pack[0], [...pack.slice(1), made.image]);
    const to = join(made.dir, 'card.img');
    const plain = run('sha256sum', [made.image]).slice(0, 64);
    const flashed = await flash(options({ ...made, image: packed }, to, { way: 'none' }));
    expect(flashed.sha256).toBe(plain);
    truncateSync(packed, statSync(packed).size >> 1);
    const half = join(made.dir, 'half.img');
    expect(await codeOf(flash(options({ ...made, image: packed }, half)))).toBe('WEIR_IMAGE_UNFIT');
    expect(existsSync(half)).toBe(false);
  },
);

test('the checksum that was published is compared, and a wrong one leaves nothing', async () => {
  const made = await image('mbr');
  const to = join(made.dir, 'card.img');
  const right = run('sha256sum', [made.image]).slice(0, 64);
  writeFileSync(
    join(made.dir, 'SHA256SUMS'),
    `${'0'.repeat(64)}  other.img\n${'1'.repeat(64)} *debian.img\n`,
  );
  expect(await codeOf(flash(options(made, to)))).toBe('WEIR_IMAGE_UNFIT');
  expect(existsSync(to)).toBe(false);
  writeFileSync(join(made.dir, 'SHA256SUMS'), `${right} *debian.img\n`);
  expect(await flash(options(made, to))).toMatchObject({ sumFrom: 'SHA256SUMS' });
});

test('an image that the board could not start from is refused', async () => {
  const [mbr, gpt] = [await image('mbr'), await image('gpt')];
  const to = join(mbr.dir, 'card.img');
  expect(await codeOf(flash(options(gpt, to, { board: boardKind('odroid-c4') })))).toBe('WEIR_IMAGE_UNFIT');
  expect(await codeOf(flash(options(mbr, to, { board: boardKind('raspberry-pi-4') })))).toBe(
    'WEIR_IMAGE_UNFIT',
  );
  run('dd', [
    'if=/dev/zero',
    `of=${mbr.image}`,
    'bs=512',
    'seek=1',
    'count=64',
    'conv=notrunc',
    'status=none',
  ]);
  expect(await codeOf(flash(options(mbr, to, { board: boardKind('odroid-c4') })))).toBe('WEIR_IMAGE_UNFIT');
  expect(existsSync(to)).toBe(false);
});

test('a file that exists is not written over', async () => {
  const made = await image('mbr');
  const to = join(made.dir, 'thesis.txt');
  writeFileSync(to, 'years of work');
  expect(await codeOf(flash(options(made, to)))).toBe('WEIR_FLASH_REFUSED exists');
  expect(readFileSync(to, 'utf8')).toBe('years of work');
});

/** Null when this machine gives loop devices; else why not, which the names of the tests then say. */
const noLoop = (() => {
  try {
    run('/usr/sbin/losetup', ['-f']);
    return null;
  } catch (fault) {
    return String(fault).split('\n')[0];
  }
})();
const onLoop = (name: string, work: () => Promise<void>) =>
  test.skipIf(noLoop)(noLoop === null ? name : `${name} (left out: ${noLoop})`, work);

/** A loop device over a sparse file, which is a whole disk to the kernel. */
function loop(dir: string, bytes: number): { device: string; backing: string } {
  const backing = join(dir, 'disk');
  writeFileSync(backing, '');
  truncateSync(backing, bytes);
  const device = run('/usr/sbin/losetup', ['-f', '--show', backing]).trim();
  onTestFinished(() => void run('/usr/sbin/losetup', ['-d', device]));
  return { device, backing };
}
const CARD = 64 * MEBIBYTE;
/** A board that takes cards as small as a test’s. */
const SMALL = { ...boardKind('generic-arm64'), leastBytes: 40 * MEBIBYTE };
/** Nothing but holes: not a byte was written. */
const isUntouched = (file: string) => statSync(file).blocks === 0;

onLoop('a loop device is written, and reads back', async () => {
  const made = await image('gpt');
  const { device, backing } = loop(made.dir, CARD);
  const flashed = await flash(options(made, device, { way: 'cidata' }));
  expect(flashed).toMatchObject({ written: true, diskBytes: CARD });
  expect(run('/usr/sbin/sfdisk', ['--verify', backing])).toContain('No errors detected');
  expect(run('/usr/sbin/blkid', ['-p', '-o', 'export', '-O', '0', backing])).toContain('PTTYPE=gpt');
  expect(run('/usr/sbin/sfdisk', ['--json', backing])).toContain('CIDATA');
});

function mount(device: string, dir: string): string {
  const at = join(dir, 'mnt');
  mkdirSync(at);
  run('mount', [device, at]);
  onTestFinished(() => void run('umount', [at]));
  return at;
}

onLoop('a mounted disk is never written', async () => {
  const made = await image('gpt');
  const { device } = loop(made.dir, CARD);
  run('/usr/sbin/mke2fs', ['-q', '-F', device]);
  const at = mount(device, made.dir);
  writeFileSync(join(at, 'precious'), 'years of work');
  expect(await codeOf(flash(options(made, device)))).toBe('WEIR_FLASH_REFUSED mounted');
  run('mount', ['-o', 'remount,ro', at]);
  run('/usr/sbin/e2fsck', ['-f', '-n', device]);
  expect(run('/usr/sbin/debugfs', ['-R', 'cat /precious', device])).toBe('years of work');
});

onLoop('a disk that was mounted while the image was unpacked is never written', async () => {
  const made = await image('gpt');
  const { device } = loop(made.dir, CARD);
  run('/usr/sbin/mke2fs', ['-q', '-F', device]);
  const confirm = async ({ id }: { id: string }) => {
    mount(device, made.dir);
    return id;
  };
  expect(await codeOf(flash(options(made, device, { confirm })))).toBe('WEIR_FLASH_REFUSED mounted');
});

onLoop('a disk too small is never written, whether for the board or for the image', async () => {
  const made = await image('gpt');
  const small = loop(made.dir, 20 * MEBIBYTE);
  expect(await codeOf(flash(options(made, small.device)))).toBe('WEIR_FLASH_REFUSED size');
  const board = { ...SMALL, leastBytes: MEBIBYTE };
  expect(await codeOf(flash(options(made, small.device, { board })))).toBe('WEIR_FLASH_REFUSED size');
  expect(isUntouched(small.backing)).toBe(true);
});

test('the disk that the system runs from is never written', async () => {
  const made = await image('gpt');
  const root = run('findmnt', ['-n', '-o', 'SOURCE', '/']).trim();
  const refused = flash(options(made, root));
  await expect(refused).rejects.toMatchObject({ code: 'WEIR_FLASH_REFUSED' });
  await expect(refused).rejects.toThrow('root: the running system stands on it');
});

onLoop('without the right word typed nothing is written, nor in a dry run', async () => {
  const made = await image('gpt');
  const { device, backing } = loop(made.dir, CARD);
  for (const answer of [null, '', 'yes', 'loop']) {
    expect(await codeOf(flash(options(made, device, { confirm: async () => answer })))).toBe(
      'WEIR_FLASH_REFUSED confirm',
    );
  }
  expect(await flash(options(made, device, { dryRun: true }))).toMatchObject({
    written: false,
    sha256: null,
  });
  expect(isUntouched(backing)).toBe(true);
});

onLoop('a disk that something else holds open for itself is never written', async () => {
  const made = await image('gpt');
  const { device, backing } = loop(made.dir, CARD);
  const holder = await open(device, constants.O_RDWR | constants.O_EXCL);
  expect(await codeOf(flash(options(made, device)))).toBe('WEIR_FLASH_REFUSED busy');
  await holder.close();
  expect(isUntouched(backing)).toBe(true);
});
