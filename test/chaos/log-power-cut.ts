import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAppender, verifyLog } from './log-victim.ts';

/**
 * Row 1, for the log: a loop-mounted ext4 is shut down under load without flushing its journal (EXT4_IOC_SHUTDOWN
 * with NOLOGFLUSH), which leaves on it what a power cut leaves. It is mounted again, its journal is replayed, and the
 * log must hold every acked record. Needs root, mkfs.ext4 and python3; the image takes 300 MB in the temporary
 * directory and is removed at the end, whatever happens.
 */
const IMAGE_MB = 300;
const SHUTDOWN = [
  'import fcntl, os, struct, sys, time',
  'fd = os.open(sys.argv[1], os.O_RDONLY)',
  'print(time.monotonic_ns(), flush=True)',
  "fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))",
].join('\n');

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function powerCutLoop(
  times: number,
  progress: (line: string) => void,
): Promise<{ cuts: number; acked: number; lost: number; ackedAfterCut: number; openMsMax: number }> {
  const work = mkdtempSync(join(tmpdir(), 'weir-power-'));
  const image = join(work, 'disk.img');
  const disk = join(work, 'disk');
  const result = { cuts: 0, acked: 0, lost: 0, ackedAfterCut: 0, openMsMax: 0 };
  mkdirSync(disk);
  run('truncate', '-s', `${IMAGE_MB}M`, image);
  run('mkfs.ext4', '-q', '-F', image);
  let mounted = false;
  try {
    for (let at = 0; at < times; at++) {
      run('mount', '-o', 'loop', image, disk);
      mounted = true;
      if (at > 0) {
        const { lost, openMs } = await verifyLog(disk, result.acked);
        result.lost += lost;
        result.openMsMax = Math.max(result.openMsMax, openMs);
        progress(`cut ${at}: acked ${result.acked}, lost ${lost}, opened in ${openMs.toFixed(0)} ms`);
      }
      const victim = startAppender(disk);
      await victim.reaches(1 + Math.floor(Math.random() * 150));
      const cutAtNs = BigInt(run('python3', '-c', SHUTDOWN, disk).trim());
      victim.kill();
      await victim.ended;
      // A transaction that the shutdown aborts makes the fsync that waits for it succeed, in a process that a real
      // cut would have ended before: what is acked from the cut on does not count, and is stated apart.
      const acked = victim.ackedBefore(cutAtNs);
      result.ackedAfterCut += victim.acked() - acked;
      result.acked = Math.max(result.acked, acked);
      result.cuts++;
      run('umount', disk);
      mounted = false;
    }
    run('mount', '-o', 'loop', image, disk);
    mounted = true;
    result.lost += (await verifyLog(disk, result.acked)).lost;
  } finally {
    if (mounted) run('umount', disk);
    rmSync(work, { recursive: true, force: true });
  }
  return result;
}

if (import.meta.main) {
  const result = await powerCutLoop(Number(process.argv[2] ?? 200), (line) =>
    process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.lost === 0 ? 0 : 1;
}
