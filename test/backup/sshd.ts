import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { finallyDo, temporaryDir } from '../product/harness.ts';

/** Debian's sshd on a loopback port, with keys, accounts' files and configuration of its own. */
export class Sshd {
  readonly port: number;
  readonly dir: string;
  /** A directory on "the other machine". */
  readonly far: string;
  readonly #child: ChildProcess;

  /** `command` is all that the account may run, as authorized_keys says it. */
  static async start(command?: string): Promise<Sshd> {
    const dir = await temporaryDir();
    const port = await freePort();
    const keygen = (name: string) =>
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)]);
    for (const name of ['host', 'client', 'stranger']) keygen(name);
    const publicKey = (name: string) => readFileSync(join(dir, `${name}.pub`), 'utf8').trim();
    const limits = command === undefined ? '' : `command="${command}" `;
    await writeFile(join(dir, 'authorized_keys'), `${limits}${publicKey('client')}\n`, { mode: 0o600 });
    await writeFile(join(dir, 'known_hosts'), `[127.0.0.1]:${port} ${publicKey('host')}\n`);
    await writeFile(join(dir, 'other_hosts'), `[127.0.0.1]:${port} ${publicKey('stranger')}\n`);
    await writeFile(join(dir, 'no_hosts'), '');
    await writeFile(
      join(dir, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${dir}/host`,
        `AuthorizedKeysFile ${dir}/authorized_keys`,
        `PidFile ${dir}/pid`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'StrictModes no',
        'UsePAM no',
        '',
      ].join('\n'),
    );
    // Where root runs it, it changes its root to this empty directory, which its service makes otherwise.
    if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const sshd = new Sshd(port, dir, child);
    finallyDo(() => sshd.stop());
    await sshd.#listening();
    await mkdir(sshd.far);
    return sshd;
  }

  private constructor(port: number, dir: string, child: ChildProcess) {
    this.port = port;
    this.dir = dir;
    this.far = join(dir, 'far');
    this.#child = child;
  }

  url(path: string): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${join(this.far, path)}`;
  }

  /** A configuration of ssh with another key, or other known hosts, than the right ones. */
  async config({ key = 'client', hosts = 'known_hosts' } = {}): Promise<string> {
    const file = join(this.dir, `config-${key}-${hosts}`);
    const lines = ['IdentitiesOnly yes', `IdentityFile ${this.dir}/${key}`];
    // What the command must overrule.
    lines.push('StrictHostKeyChecking no', 'ForwardAgent yes', 'BatchMode no');
    await writeFile(file, `${lines.join('\n')}\nUserKnownHostsFile ${this.dir}/${hosts}\n`);
    return file;
  }

  /** Connections break off, and new ones are taken. */
  cut(): void {
    for (const pid of this.#connections().flatMap((one) => [...childrenOf(one), one])) kill(pid);
  }

  /** When the other machine has nothing more to do with anybody; the test's own limit is the bound. */
  async left(): Promise<void> {
    while (this.#connections().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #connections(): number[] {
    return childrenOf(this.#child.pid!);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #listening(): Promise<void> {
    let said = '';
    await new Promise<void>((resolve, reject) => {
      this.#child.stderr!.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Server listening')) resolve();
      });
      this.#child.once('exit', () => reject(new Error(`sshd did not start: ${said}`)));
    });
  }
}

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === parent)
    .map(Number);

/** One that has gone by itself is as dead. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault;
  }
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch (fault) {
    if (['ENOENT', 'ESRCH'].includes((fault as NodeJS.ErrnoException).code ?? '')) return null;
    throw fault;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
