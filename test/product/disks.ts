import { execFileSync } from 'node:child_process';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finallyDo, temporaryDir } from './harness.ts';

/** Null when it works here; else why the tests that need it are left out, which their names then say. */
function refusalOf(probe: () => void): string | null {
  try {
    probe();
    return null;
  } catch (fault) {
    return String(fault).split('\n')[0];
  }
}

export const noMount = refusalOf(() => {
  const dir = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir], { stdio: 'pipe' });
    execFileSync('umount', [dir]);
  } finally {
    execFileSync('rmdir', [dir]);
  }
});

export const noStrace = refusalOf(() =>
  execFileSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'pipe' }),
);

export async function smallDisk(megabytes: number): Promise<string> {
  const dir = await temporaryDir();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir]);
  finallyDo(async () => execFileSync('umount', ['-l', dir]));
  return dir;
}

/** A file system of its own that turns read-only at its first fault, as an ext4 on a worn card does. */
export async function fragileDisk(megabytes: number): Promise<{ dir: string; device: string }> {
  const work = await temporaryDir();
  const image = join(work, 'disk.img');
  const dir = await temporaryDir();
  execFileSync('truncate', ['-s', `${megabytes}M`, image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'pipe' });
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, dir], { stdio: 'pipe' });
  finallyDo(async () => execFileSync('umount', ['-l', dir]));
  const source = execFileSync('findmnt', ['-n', '-o', 'SOURCE', dir], { encoding: 'utf8' }).trim();
  return { dir, device: source.replace('/dev/', '') };
}

/** Takes all but `leave` bytes of the disk. */
export async function fillDisk(dir: string, leave: number): Promise<string> {
  const { bavail, bsize } = await statfs(dir);
  const path = join(dir, 'somebody-elses');
  await writeFile(path, new Uint8Array(Math.max(0, bavail * bsize - leave)));
  return path;
}
