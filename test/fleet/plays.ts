import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ran, run } from '../run.ts';

const ANSIBLE = join(import.meta.dirname, '..', '..', 'ansible');

export interface Played extends Ran {
  /** By host, out of the recap. */
  hosts: Record<string, Record<string, number>>;
  seconds: number;
}

export interface PlaySettings {
  inventory: string;
  work: string;
  /** What the shipped inventory leaves open: keys, packages, ports. */
  variables: Record<string, unknown>;
  /** The hosts of the inventory that are there; absent: all. */
  limit?: string;
}

/** Runs the shipped playbooks, over a shipped inventory, as an operator does. */
export class Plays {
  readonly #settings: PlaySettings;
  readonly #file: string;

  constructor(settings: PlaySettings) {
    this.#settings = settings;
    this.#file = join(settings.work, 'variables.json');
    writeFileSync(this.#file, JSON.stringify(settings.variables));
  }

  async play(book: string, ...more: string[]): Promise<Played> {
    const startedMs = performance.now();
    const line = [
      'ansible-playbook',
      '--inventory',
      join('inventories', this.#settings.inventory),
      '--extra-vars',
      `@${this.#file}`,
      ...(this.#settings.limit ? ['--limit', this.#settings.limit] : []),
      join('playbooks', `${book}.yml`),
      ...more,
    ];
    const ran = await run(line, {
      cwd: ANSIBLE,
      env: {
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_TIMEOUT: '300',
        ANSIBLE_HOME: join(this.#settings.work, 'ansible-home'),
        // Of this run alone: hosts of another have the same addresses, in another network.
        ANSIBLE_SSH_CONTROL_PATH_DIR: join(this.#settings.work, 'ssh'),
      },
      withinMs: 3_600_000,
    });
    writeFileSync(
      join(this.#settings.work, `play-${book}-${Math.round(startedMs)}.log`),
      ran.stdout + ran.stderr,
    );
    return { ...ran, hosts: recap(ran.stdout), seconds: Math.round((performance.now() - startedMs) / 1000) };
  }

  /** A play that must go well. */
  async good(book: string, ...more: string[]): Promise<Played> {
    const played = await this.play(book, ...more);
    if (played.status !== 0)
      throw new Error(
        `the playbook ${book} ended with ${played.status}\n${(played.stdout + played.stderr).slice(-6_000)}`,
      );
    return played;
  }
}

function recap(stdout: string): Played['hosts'] {
  const hosts: Played['hosts'] = {};
  for (const line of stdout.slice(stdout.lastIndexOf('PLAY RECAP')).split('\n')) {
    const match = /^(\S+)\s+: (ok=.*)$/.exec(line);
    if (!match) continue;
    hosts[match[1]] = Object.fromEntries(
      match[2]
        .trim()
        .split(/\s+/)
        .map((pair) => pair.split('='))
        .map(([name, value]) => [name, Number(value)]),
    );
  }
  return hosts;
}

export function changedOn(played: Played): Record<string, number> {
  return Object.fromEntries(Object.entries(played.hosts).map(([host, { changed }]) => [host, changed]));
}
