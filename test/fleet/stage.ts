import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, type Undo } from '../run.ts';
import { Board, type Reach } from './board.ts';
import { Container, WORK } from './containers.ts';
import { Plays } from './plays.ts';
import { versionOf } from './releases.ts';
import { boardPackages, rootfs } from './rootfs.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ADDRESSES: Record<string, string> = {
  n1: '10.83.0.11',
  n2: '10.83.0.12',
  n3: '10.83.0.13',
  n4: '10.83.0.14',
};
/** A container on a busy machine is no slow board, but the play must not give it up for one. */
const READY_SECONDS = 600;

/** Hosts, what reaches them, and the shipped plays over the shipped inventory of containers. */
export class Stage {
  /** All that is made lies here. */
  readonly work: string;
  readonly version: string;
  readonly packages: string;
  readonly plays: Plays;
  readonly names: readonly string[];
  readonly #undo: Undo;
  readonly #tar: string;
  readonly #key: string;

  private constructor(
    undo: Undo,
    made: { work: string; version: string; tar: string; key: string; plays: Plays; names: readonly string[] },
  ) {
    this.work = made.work;
    this.version = made.version;
    this.packages = join(made.work, 'packages');
    this.plays = made.plays;
    this.names = made.names;
    this.#undo = undo;
    this.#tar = made.tar;
    this.#key = made.key;
  }

  static async set(
    undo: Undo,
    options: { deb: string; names: readonly string[]; site: string },
  ): Promise<Stage> {
    const { deb, names, site } = options;
    const work = WORK;
    const key = join(work, 'key');
    await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const version = await versionOf(deb);
    mkdirSync(join(work, 'packages'));
    await must(['cp', deb, join(work, 'packages', `weir_${version}_amd64.deb`)]);
    const plays = new Plays({
      inventory: 'nspawn',
      work,
      limit: names.join(','),
      variables: {
        weir_version: version,
        weir_packages_dir: join(work, 'packages'),
        weir_site_file: site,
        weir_ready_seconds: READY_SECONDS,
        base_packages_dir: await boardPackages(),
        ansible_ssh_private_key_file: key,
        ansible_ssh_common_args: SSH_OPTIONS.join(' '),
      },
    });
    return new Stage(undo, { work, version, tar: await rootfs(), key, plays, names });
  }

  /** How an operator reaches a host, whether it is there yet or not. */
  reach(name: string): Reach {
    const host = ADDRESSES[name];
    return {
      name,
      ssh: ['ssh', '-i', this.#key, ...SSH_OPTIONS, `root@${host}`],
      host,
      mqttPort: 1883,
      http: `http://${host}:8080`,
    };
  }

  async board(name: string): Promise<Board> {
    return Board.of(this.reach(name));
  }

  /** A host with systemd and ssh, and nothing else. */
  async boot(name: string): Promise<void> {
    const container = await Container.boot({
      name,
      address: ADDRESSES[name],
      tar: this.#tar,
      work: this.work,
      publicKey: readFileSync(`${this.#key}.pub`, 'utf8'),
    });
    this.#undo.add(() => container.stop());
  }

  /** An inventory of a host that the shipped one does not have. */
  inventoryOf(name: string): string {
    const file = join(this.work, `${name}.yml`);
    writeFileSync(file, `boards: { hosts: { ${name}: { ansible_host: ${ADDRESSES[name]} } } }\n`);
    return file;
  }
}

const SSH_OPTIONS = [
  ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
  ...['-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=60'],
];

export const SITE = join(ROOT, 'test', 'product', 'site.yaml');
