import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { WeirError } from '@weir/node/contract';
import { unfit } from './partition-table.ts';
import type { RootFile } from './seed.ts';

/**
 * The ext4 of an image, changed without mounting it: by debugfs, which needs no rights beyond the file's. It answers
 * nothing with its exit status, so that what it says is read, and what was written is read back.
 */
export class RootFileSystem {
  readonly #target: string;
  readonly #file: string;

  constructor(image: string, offset: number) {
    this.#file = image;
    this.#target = offset === 0 ? image : `${image}?offset=${offset}`;
  }

  async has(path: string): Promise<boolean> {
    const { out, err } = await debugfs(['-R', `stat ${path}`, this.#target]);
    if (/Inode: \d+/.test(out)) return true;
    if (/File not found/.test(err + out)) return false;
    throw unfit(this.#file, `its root cannot be read: ${err.trim().split('\n').at(-1)}`);
  }

  /** Directories on the way are made; what stands there is replaced. All belongs to root. */
  async change(
    files: readonly RootFile[],
    links: Record<string, string>,
    removed: readonly string[],
  ): Promise<void> {
    const work = mkdtempSync(join(tmpdir(), 'weir-seed-'));
    try {
      const lines: string[] = [];
      for (const folder of foldersOf([...files.map(({ path }) => path), ...Object.keys(links)])) {
        if (await this.has(folder)) continue;
        lines.push(`mkdir ${folder}`, `sif ${folder} mode 0${(0o040000 | folderMode(folder)).toString(8)}`);
      }
      for (const path of [...removed, ...files.map((one) => one.path), ...Object.keys(links)])
        if (await this.has(path)) lines.push(`rm ${path}`);
      files.forEach(({ path, bytes, mode }, at) => {
        writeFileSync(join(work, String(at)), bytes, { mode: 0o600 });
        lines.push(`write ${join(work, String(at))} ${path}`);
        lines.push(`sif ${path} mode 0${mode.toString(8)}`, `sif ${path} uid 0`, `sif ${path} gid 0`);
      });
      for (const [at, to] of Object.entries(links)) lines.push(`symlink ${at} ${to}`);
      const { err } = await debugfs(['-w', '-f', '-', this.#target], `${lines.join('\n')}\n`);
      const faults = err.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line));
      if (faults.length > 0) throw unfit(this.#file, `its root takes no files: ${faults[0]}`);
      await this.#readBack(files, work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  async #readBack(files: readonly RootFile[], work: string): Promise<void> {
    for (const { path, bytes } of files) {
      const out = join(work, 'back');
      await debugfs(['-R', `dump ${path} ${out}`, this.#target]);
      if (!readFileSync(out).equals(bytes))
        throw unfit(this.#file, `${path} does not read back: its root is full`);
    }
  }
}

/** Of each path, the folders from the top down. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  const add = (path: string): void => {
    if (path === '/' || folders.has(path)) return;
    add(dirname(path));
    folders.add(path);
  };
  for (const path of paths) add(dirname(path));
  return [...folders];
}

function folderMode(folder: string): number {
  return folder === '/root/.ssh' ? 0o700 : 0o755;
}

function debugfs(args: string[], input?: string): Promise<{ out: string; err: string }> {
  return new Promise((resolve, reject) => {
    // Debian keeps it where the paths of users do not lead.
    const env = {
      PATH: '/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin:/opt/homebrew/opt/e2fsprogs/sbin',
      LC_ALL: 'C',
    };
    const stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const;
    const child = spawn('debugfs', args, { env, stdio: [...stdio] });
    const heard = { out: '', err: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      heard.out += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      heard.err += chunk.toString();
    });
    child.on('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new WeirError(
              'WEIR_TOOL_MISSING',
              'debugfs is not installed; files are put into the image with it.',
              {
                suggestion: 'Install the package e2fsprogs, or seed with --seed cidata.',
                cause,
              },
            )
          : cause,
      ),
    );
    child.on('close', () => resolve(heard));
    // It ends early when it cannot open the image; what it said then counts, and this if it said nothing.
    child.stdin?.on('error', (fault) => {
      heard.err ||= fault.message;
    });
    child.stdin?.end(input);
  });
}
