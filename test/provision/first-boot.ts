import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { boardKind } from '../../provision/src/boards/boards.ts';
import { THIS_MACHINE } from '../../provision/src/flash/disk-facts.ts';
import { flash } from '../../provision/src/flash/flash.ts';
import { until } from '../product/appliance.ts';

/**
 * From an image to `/readyz` without a key pressed: makes an image of a Debian system, lets `weir flash` seed it with a
 * package of Weir, starts what came out in a container with its own systemd, and waits for the board. Needs root, loop
 * devices, systemd-nspawn, a tar of a Debian system of this machine's architecture (mmdebstrap makes one) and a package:
 *
 *     node test/provision/first-boot.ts --rootfs bookworm-amd64.tar --deb weir_0.1.0_amd64.deb
 */
const READY_MS = 900_000;
const MEBIBYTE = 1 << 20;
const IMAGE_MEBIBYTES = 1_200;

const run = (command: string, args: string[], input?: string) =>
  execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'inherit'] });

function tell(step: string, sinceMs: number, says: unknown): void {
  const seconds = Number(((performance.now() - sinceMs) / 1000).toFixed(1));
  process.stdout.write(`${JSON.stringify({ step, seconds, says })}\n`);
}

/** As it is downloaded: one partition, no name, no keys, nothing of Weir. */
function makeImage(work: string, tar: string): string {
  const [root, image] = [join(work, 'root'), join(work, 'debian.img')];
  mkdirSync(root);
  run('tar', ['-C', root, '-xf', tar]);
  writeFileSync(image, '');
  truncateSync(image, IMAGE_MEBIBYTES * MEBIBYTE);
  run('/usr/sbin/sfdisk', ['-q', image], 'label: dos\nstart=2048, type=83\n');
  const size = `${IMAGE_MEBIBYTES - 1}M`;
  run('/usr/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, '-E', `offset=${MEBIBYTE}`, image, size]);
  rmSync(root, { recursive: true });
  return image;
}

/** Its standard input is closed: nobody can press a key. */
function boot(root: string, work: string): ChildProcess {
  const console = openSync(join(work, 'console'), 'w');
  const nspawn = [
    '--quiet',
    `--directory=${root}`,
    '--boot',
    '--register=no',
    '--keep-unit',
    '--private-network',
    // Otherwise the container takes the zone of this machine.
    '--timezone=off',
  ];
  return spawn('systemd-nspawn', [...nspawn, '--machine=gate1'], { stdio: ['ignore', console, console] });
}

/** The first process inside. */
function leaderOf({ pid }: ChildProcess): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0];
}

function inside(child: ChildProcess, namespaces: string[], command: string[]): string | null {
  try {
    const line = ['-t', leaderOf(child), ...namespaces, ...command];
    return execFileSync('nsenter', line, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // Not there yet; whoever waits asks again, and gives up by himself.
    return null;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rootfs: { type: 'string' }, deb: { type: 'string' } } });
  if (!values.rootfs || !values.deb) throw new Error('--rootfs TAR and --deb FILE are needed');
  const deb = readFileSync(resolve(values.deb));
  const work = mkdtempSync(join(tmpdir(), 'weir-first-boot-'));
  const undo: (() => void)[] = [() => rmSync(work, { recursive: true, force: true })];
  try {
    let sinceMs = performance.now();
    const image = makeImage(work, resolve(values.rootfs));
    tell('an image is made', sinceMs, `${IMAGE_MEBIBYTES} MiB`);
    sinceMs = performance.now();
    const card = join(work, 'card.img');
    const flashed = await flash({
      image,
      board: boardKind('generic-arm64'),
      seed: {
        hostname: 'gate1',
        domain: 'local',
        timezone: 'Europe/Berlin',
        user: 'root',
        sshKeys: [
          'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJlOYZvvuUbE2Akl8spGpty6luyoEQLcDbQFidz4HFUH operator',
        ],
        interface: 'host*',
        address: '10.0.2.15/24',
        gateway: null,
        dns: [],
        joinSecret: 'open sesame',
        package: { name: 'weir.deb', bytes: deb },
        site: null,
      },
      way: 'auto',
      to: card,
      sizeBytes: null,
      sha256: undefined,
      dryRun: false,
      workDir: null,
      trees: THIS_MACHINE,
      confirm: async () => null,
      say: () => undefined,
      isTerminal: false,
    });
    tell('weir flash', sinceMs, flashed);
    const root = join(work, 'mnt');
    mkdirSync(root);
    run('mount', ['-o', `loop,offset=${MEBIBYTE}`, card, root]);
    undo.unshift(() => void run('umount', [root]));
    sinceMs = performance.now();
    const child = boot(root, work);
    const ended = new Promise((done) => child.once('exit', done));
    undo.unshift(() => void child.kill('SIGKILL'));
    const ready = () => inside(child, ['-n'], ['curl', '-sf', 'http://127.0.0.1:8080/readyz']) !== null;
    await until('the board is ready', async () => ready(), READY_MS);
    tell('ready, with no key pressed', sinceMs, inside(child, ['-u'], ['hostname'])?.trim());
    const gone = () => inside(child, ['-m'], ['test', '!', '-e', '/usr/local/sbin/weir-first-boot']) !== null;
    await until('the first start has cleaned up', async () => gone(), READY_MS);
    const look = ['stat', '-c', '%n %a %U', '/etc/weir/join-secret', '/root/.ssh/authorized_keys'];
    tell('what it became', sinceMs, {
      files: inside(child, ['-m'], look)?.trim().split('\n'),
      zone: inside(child, ['-m'], ['readlink', '/etc/localtime'])?.trim(),
      service: inside(child, ['-m', '-p'], ['systemctl', 'is-active', 'weir'])?.trim(),
    });
    child.kill('SIGKILL');
    await ended;
    undo.shift();
  } finally {
    for (const step of undo) step();
  }
}

await main();
