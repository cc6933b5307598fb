import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NODE, until } from '../product/appliance.ts';
import { endRuns, must, run, Undo } from '../run.ts';
import { Board, type Reach, TOKEN_OF_FLASH } from './board.ts';
import { ADDRESS, Machine } from './machine.ts';
import { machineImage } from './machine-image.ts';
import { changedOn, Plays } from './plays.ts';
import { versionOf } from './releases.ts';
import { boardPackages } from './rootfs.ts';
import { SITE } from './stage.ts';
import { SteadyLoad } from './steady-load.ts';

/**
 * One arm64 machine with firmware and kernel of its own, under emulation. `weir flash` makes a card of a Debian image,
 * with the package of weir in it; the machine starts from it to `/readyz` with no key pressed, and its power is cut under
 * load; the site play sets it up, and moves what it knows to a disk of its own; its power is cut again. Needs root,
 * qemu-system-arm, qemu-efi-aarch64, cpio, kmod, mmdebstrap with qemu-user-static, ansible, and a package for arm64:
 *
 *     npm run package -- --only arm64 --quick
 *     node test/fleet/vm.ts --deb dist/package/weir_0.1.0_arm64.deb [--cuts 1] [--no-plays] [--again] [--minutes 240]
 *
 * `--again` runs the site play a second time, `--no-plays` none. Debian for the machine is made once and kept.
 */
const { values } = parseArgs({
  options: {
    deb: { type: 'string' },
    cuts: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
    'no-plays': { type: 'boolean', default: false },
    minutes: { type: 'string', default: '240' },
  },
});
/** Emulated processors on a busy machine: what takes a board half a minute takes these many. */
const BOOT_MS = 3_600_000;
/** Often enough to tell seconds, and little work for a machine that is starting. */
const ASK_EVERY_MS = 300;
const ACKED_BEFORE_A_CUT = 1_000;
const CARD = '4GB';
const DATA_BYTES = 1 << 30;
const NAME = 'vm1';

function tell(step: string, startedMs: number, says: string): void {
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(`${JSON.stringify({ step, seconds, says })}\n`);
}

/** As an operator does: a site, a board, the image that was downloaded, a card. */
async function flashedCard(work: string, deb: string, publicKey: string): Promise<string> {
  let sinceMs = performance.now();
  const image = await machineImage(work);
  tell('a Debian image', sinceMs, 'GPT, UEFI, nothing of Weir in it');
  sinceMs = performance.now();
  const card = join(work, 'card.img');
  const weir = (...line: string[]) => must([...NODE, ...line]);
  const dir = ['--dir', join(work, 'site')];
  await weir('provision', 'init', '--name', 'Riverside', '--ssh-key', publicKey, ...dir);
  const board = [NAME, '--board', 'generic-arm64', '--address', `${ADDRESS}/24`];
  await weir('provision', 'add-board', ...board, ...dir);
  const to = ['--for', NAME, '--to', card, '--size', CARD, '--package', deb, '--site', SITE];
  const flashed = await weir('flash', image, ...to, ...dir, '--json');
  const { seeded, table } = JSON.parse(flashed) as { seeded: string; table: string };
  rmSync(image);
  tell('weir flash', sinceMs, `${CARD}, ${table}, seeded by ${seeded}, read back`);
  return card;
}

async function playsFor(work: string, deb: string, machine: Machine, key: string): Promise<Plays> {
  mkdirSync(join(work, 'packages'));
  const version = await versionOf(deb);
  await must(['cp', deb, join(work, 'packages', `weir_${version}_arm64.deb`)]);
  return new Plays({
    inventory: 'vm',
    work,
    variables: {
      weir_version: version,
      weir_packages_dir: join(work, 'packages'),
      weir_site_file: SITE,
      base_packages_dir: await boardPackages('arm64'),
      ansible_port: machine.ports.ssh,
      ansible_ssh_private_key_file: key,
      ansible_ssh_common_args: SSH_OPTIONS.join(' '),
    },
  });
}

const SSH_OPTIONS = [
  ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
  ...['-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=300'],
];

/** A machine that has stopped by itself is not waited for. */
async function whileOn(machine: Machine, what: string, holds: () => Promise<boolean>): Promise<void> {
  await until(what, async () => !machine.isOn || (await holds()), BOOT_MS, ASK_EVERY_MS);
  if (!machine.isOn) throw new Error(`the machine has stopped, before ${what}`);
}

async function ready(machine: Machine, { http }: Reach): Promise<void> {
  await whileOn(machine, 'it is ready', async () => {
    const answer = await fetch(new URL('/readyz', http), { signal: AbortSignal.timeout(20_000) });
    await answer.text();
    return answer.status === 200;
  });
}

async function firstBoot(machine: Machine, reach: Reach): Promise<void> {
  const sinceMs = performance.now();
  machine.boot();
  await ready(machine, reach);
  const took = `${machine.processorSeconds()} s of processor time`;
  tell('power on to /readyz, with no key pressed', sinceMs, `the package was installed; ${took}`);
  const gone = [...reach.ssh, 'test', '!', '-e', '/usr/local/sbin/weir-first-boot'];
  await whileOn(machine, 'the first start ends', async () => (await run(gone)).status === 0);
  const look = 'hostname; uname -m; uname -r; findmnt -n -o SIZE /; systemctl is-active weir';
  const is = await must([...reach.ssh, look]);
  tell('what it became', sinceMs, is.trim().split('\n').join(', '));
}

async function sitePlay(plays: Plays): Promise<void> {
  let sinceMs = performance.now();
  const first = await plays.good('site');
  tell('site play', sinceMs, `${changedOn(first)[NAME]} changes`);
  if (!values.again) return;
  sinceMs = performance.now();
  const second = await plays.good('site');
  tell('site play again', sinceMs, `changed=${changedOn(second)[NAME]}`);
  if (changedOn(second)[NAME] !== 0)
    throw new Error(`a second run changes something\n${second.stdout.slice(-6_000)}`);
}

async function powerCuts(machine: Machine, reach: Reach, load: SteadyLoad, of: string): Promise<void> {
  await load.start();
  for (let cut = 1; cut <= Number(values.cuts); cut++) {
    await load.acked(ACKED_BEFORE_A_CUT);
    await machine.cut();
    const acked = load.oracle.ackedReadings;
    const open = load.oracle.maybe().length;
    const sinceMs = performance.now();
    machine.boot();
    await ready(machine, reach);
    await load.acked(1);
    const took = `${machine.processorSeconds()} s of processor time`;
    const says = `${acked} readings acknowledged before, ${open} under way; it takes readings again; ${took}`;
    tell(`power cut ${cut}, ${of}`, sinceMs, says);
  }
  await load.stop();
  await judged(machine, reach, load);
}

async function judged(machine: Machine, reach: Reach, load: SteadyLoad): Promise<void> {
  const sinceMs = performance.now();
  await ready(machine, reach);
  const { lost, twice, wrong } = await load.judge();
  const { connections, oracle } = load;
  const says = { acked: oracle.ackedReadings, connections, lost, twice, wrong };
  tell('every answer and the ledger', sinceMs, JSON.stringify(says));
  if (lost + twice + wrong.length > 0) throw new Error('readings are missing, or counted twice');
}

async function main(undo: Undo): Promise<void> {
  if (!values.deb) throw new Error('--deb FILE names the arm64 package of weir');
  const deb = resolve(values.deb);
  const work = mkdtempSync(join(tmpdir(), 'weir-vm-'));
  undo.add(async () => rmSync(work, { recursive: true, force: true }));
  const key = join(work, 'key');
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', key]);
  const card = await flashedCard(work, deb, `${key}.pub`);
  const data = join(work, 'data.img');
  writeFileSync(data, '');
  truncateSync(data, DATA_BYTES);
  const machine = await Machine.with(work, { card, data });
  undo.add(() => machine.cut());
  const { ssh, mqtt, http } = machine.ports;
  const reach: Reach = {
    name: NAME,
    ssh: ['ssh', '-i', key, '-p', String(ssh), ...SSH_OPTIONS, 'root@127.0.0.1'],
    host: '127.0.0.1',
    mqttPort: mqtt,
    http: `http://127.0.0.1:${http}`,
  };
  try {
    await firstBoot(machine, reach);
    const load = await SteadyLoad.of(await Board.of(reach, TOKEN_OF_FLASH), 1);
    await powerCuts(machine, reach, load, 'as it was flashed');
    if (values['no-plays']) return;
    await sitePlay(await playsFor(work, deb, machine, key));
    await judged(machine, reach, load);
    await powerCuts(machine, reach, load, 'as it was set up');
  } catch (fault) {
    process.stderr.write(`the machine's console ends with\n${machine.consoleTail()}\n`);
    throw fault;
  }
}

const undo = new Undo();
let isEnding = false;
const end = (status: number) => {
  if (isEnding) return;
  isEnding = true;
  endRuns();
  void undo.all().finally(() => process.exit(status));
};
process.on('SIGTERM', () => end(143)).on('SIGINT', () => end(130));
setTimeout(() => end(124), Number(values.minutes) * 60_000).unref();
try {
  await main(undo);
} finally {
  await undo.all();
}
