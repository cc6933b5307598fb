import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../product/appliance.ts';
import { must, run } from '../run.ts';

const PREFIX = 'weir-fleet-';
/** Of this run alone: the process inside is told the name by the one outside, which its number stands for. */
export const NETWORK = process.env.WEIR_FLEET_NETWORK ?? `${PREFIX}${process.pid}`;
/** All that a run makes lies here. */
export const WORK = join(tmpdir(), NETWORK);
const GATEWAY = '10.83.0.1/24';
const BOOT_MS = 900_000;
const STOP_MS = 30_000;

/** A network namespace with a bridge: hosts in it see each other and this process, and nothing else. */
export async function makeNetwork(): Promise<void> {
  await must(['ip', 'netns', 'add', NETWORK]);
  const ip = ['ip', '-n', NETWORK];
  await must([...ip, 'link', 'add', 'br0', 'type', 'bridge']);
  await must([...ip, 'addr', 'add', GATEWAY, 'dev', 'br0']);
  await must([...ip, 'link', 'set', 'br0', 'up']);
  await must([...ip, 'link', 'set', 'lo', 'up']);
}

/** What a run has made and its own end has left. It may be gone already, or in part. */
export async function removeMade(name: string = NETWORK): Promise<void> {
  rmSync(join(tmpdir(), name), { recursive: true, force: true });
  await run(['ip', 'netns', 'delete', name]);
}

/** Runs that were killed as a whole tidied nothing; the next one does. */
export async function removeLeftOver(): Promise<void> {
  const networks = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const names = new Set([...networks, ...readdirSync(tmpdir())].filter((name) => name.startsWith(PREFIX)));
  for (const name of names) {
    const pid = name.slice(PREFIX.length);
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) await removeMade(name);
  }
}

/** Runs inside the network. Not `ip netns exec`: that mounts /sys anew, and systemd's control groups are below it. */
export const inNetwork = ['nsenter', `--net=/run/netns/${NETWORK}`];

/** A host with systemd in a container. It ends with this process. */
export class Container {
  readonly name: string;
  readonly address: string;
  readonly #root: string;
  readonly #child: ChildProcess;

  private constructor(name: string, address: string, root: string, child: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#root = root;
    this.#child = child;
  }

  static async boot(options: {
    name: string;
    address: string;
    tar: string;
    work: string;
    publicKey: string;
  }): Promise<Container> {
    const { name, address, work } = options;
    const root = join(work, name);
    mkdirSync(root);
    await must(['tar', '-C', root, '-xf', options.tar]);
    await prepareRoot(root, name, options.publicKey);
    const log = openSync(join(work, `${name}.console`), 'w');
    const child = spawn(
      inNetwork[0],
      [
        ...inNetwork.slice(1),
        // Also when this process is killed, which then tidies nothing.
        ...['setpriv', '--pdeathsig=KILL', 'systemd-nspawn'],
        '--quiet',
        `--directory=${root}`,
        '--boot',
        '--register=no',
        '--keep-unit',
        '--network-bridge=br0',
        `--machine=${name}`,
      ],
      { stdio: ['ignore', log, log] },
    );
    const onExit = () => child.kill('SIGKILL');
    process.once('exit', onExit);
    child.once('exit', () => process.off('exit', onExit));
    const container = new Container(name, address, root, child);
    await container.#connect();
    return container;
  }

  /** Gives its side of the link an address; a host on a LAN has one from the start. */
  async #connect(): Promise<void> {
    let leader = '';
    const inside = async (...line: string[]) => must(['nsenter', '-t', leader, '-n', ...line]);
    await until(
      `${this.name} to boot`,
      async () => {
        if (this.#child.exitCode !== null)
          throw new Error(`systemd-nspawn ended with ${this.#child.exitCode}`);
        const children = readFileSync(
          `/proc/${this.#child.pid}/task/${this.#child.pid}/children`,
          'utf8',
        ).trim();
        leader = children.split(' ')[0];
        return (
          leader !== '' &&
          (await run(['nsenter', '-t', leader, '-n', 'ip', 'link', 'show', 'host0'])).status === 0
        );
      },
      BOOT_MS,
    );
    await inside('ip', 'addr', 'add', `${this.address}/24`, 'dev', 'host0');
    await inside('ip', 'link', 'set', 'host0', 'up');
    await inside('ip', 'link', 'set', 'lo', 'up');
    await until(
      `ssh of ${this.name}`,
      async () =>
        (await run([...inNetwork, 'bash', '-c', `exec 3<>/dev/tcp/${this.address}/22`])).status === 0,
      BOOT_MS,
    );
  }

  /** Where its files lie, to look at them from outside. */
  get root(): string {
    return this.#root;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const tooLong = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(tooLong);
  }
}

/** What an image of a board holds besides Debian: a name, the operator's key, keys of its own. */
export async function prepareRoot(root: string, name: string, publicKey: string): Promise<void> {
  writeFileSync(join(root, 'etc/hostname'), `${name}\n`);
  writeFileSync(join(root, 'etc/machine-id'), '');
  mkdirSync(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, 'root/.ssh/authorized_keys'), publicKey);
  chmodSync(join(root, 'root/.ssh/authorized_keys'), 0o600);
  await must([
    'rm',
    '-f',
    ...['rsa', 'ecdsa', 'ed25519'].map((kind) => join(root, `etc/ssh/ssh_host_${kind}_key`)),
  ]);
  await must([
    'ssh-keygen',
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-f',
    join(root, 'etc/ssh/ssh_host_ed25519_key'),
  ]);
}
