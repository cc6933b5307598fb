import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');
/** Emulated on a machine that does other things besides, a start takes its time; one that hangs must still end. */
const START_MS = 480_000;
const run = promisify(execFile);

/** Weir as a release holds it, with what it runs under: the words before `up`. */
export interface Program {
  name: string;
  line: string[];
}

/** The executable of an architecture, emulated where this machine is another. */
export async function executable(release: string, version: string, arch: 'x64' | 'arm64'): Promise<Program> {
  const file = join(release, `weir-${version}-linux-${arch}`, 'weir');
  if (arch === process.arch) return { name: arch, line: [file] };
  const sysroot = await librariesOf(arch, 'bookworm', 'libc6,libstdc++6,libgcc-s1');
  return { name: arch, line: ['qemu-aarch64-static', '-L', sysroot, file] };
}

/** What the Debian package for armhf holds, under Debian's own Node, emulated. */
export async function unpackedForArmhf(program: string): Promise<Program> {
  const sysroot = await librariesOf('armhf', 'trixie', 'nodejs');
  const node = join(sysroot, 'usr', 'bin', 'node');
  const flags = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];
  const entry = join(program, 'usr', 'lib', 'weir', 'app', 'weir.mjs');
  return { name: 'armhf', line: ['qemu-arm-static', '-L', sysroot, node, ...flags, entry] };
}

/** Debian's files of another architecture, unpacked once and kept in this checkout's cache. Nothing of them is run here. */
async function librariesOf(arch: string, suite: string, packages: string): Promise<string> {
  const cache = join(ROOT, 'node_modules', '.cache', 'weir', `sysroot-${suite}-${arch}`);
  if (existsSync(join(cache, 'complete'))) return cache;
  await run('rm', ['-rf', cache]);
  await run('mkdir', ['-p', join(ROOT, 'node_modules', '.cache', 'weir')]);
  // This machine's own mirror, and the release alone: its updates are often a step ahead of their index there.
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirror = targets.stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error('apt names no mirror of Debian');
  const source = `deb ${mirror} ${suite} main`;
  const args = [`--arch=${arch}`, '--variant=extract', `--include=${packages}`, suite, cache, source];
  await run('mmdebstrap', args, { maxBuffer: 16 * 1024 * 1024 });
  // Where /lib is a link to /usr/lib, a package makes it that is not among these.
  if (!existsSync(join(cache, 'lib'))) await run('ln', ['-s', 'usr/lib', join(cache, 'lib')]);
  await run('touch', [join(cache, 'complete')]);
  return cache;
}

export interface Ready {
  mqtt: string;
  http: string;
}

/** One run of it. It does not outlive this process. */
export class Running {
  readonly mqttPort: string;
  readonly http: string;
  readonly #child: ChildProcess;
  readonly #onExit: () => void;

  private constructor(child: ChildProcess, { mqtt, http }: Ready) {
    this.#child = child;
    this.mqttPort = mqtt.split(':')[1];
    this.http = http;
    this.#onExit = () => child.kill('SIGKILL');
    process.once('exit', this.#onExit);
  }

  static async start({ line, name }: Program, site: string, data: string): Promise<Running> {
    const places = ['--data', data, '--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const words = [...line, 'up', site, '--open', '--json', ...places];
    const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let talk = '';
    child.stderr?.on('data', (chunk) => {
      talk = `${talk}${chunk}`.slice(-8_192);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    const first = await Promise.race([
      once(createInterface({ input: child.stdout! }), 'line'),
      once(child, 'exit').then(() => null),
    ]);
    clearTimeout(timer);
    if (first === null) throw new Error(`weir of ${name} did not start:\n${talk}`);
    return new Running(child, JSON.parse(String(first[0])) as Ready);
  }

  /** As a power cut ends it: nothing is drained, nothing is closed. */
  kill(): Promise<number | null> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = await ended;
    process.off('exit', this.#onExit);
    return code as number | null;
  }
}

/** One command to its end; its output, and its exit status beside it. */
export async function command({ line }: Program, args: string[]): Promise<{ out: string; status: number }> {
  const child = spawn(line[0], [...line.slice(1), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  const [status] = await once(child, 'close');
  return { out, status: status as number };
}
