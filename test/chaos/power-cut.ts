import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Appliance } from '../product/appliance.ts';
import { seeded } from '../product/readings.ts';
import { type CutResult, cutLoop, numberOption } from './cut-loop.ts';
import { OFTEN } from './kill.ts';

/**
 * Row 1: power cuts under load, on the whole product. A loop-mounted ext4 is shut down without flushing its journal
 * (EXT4_IOC_SHUTDOWN with NOLOGFLUSH), which leaves on it what a power cut leaves; the process is killed, the disk
 * mounted again, its journal replayed, the product started. Needs root, mkfs.ext4 and python3; the image takes up to
 * a gigabyte in the temporary directory and is removed at the end, whatever happens.
 */
const IMAGE_MB = 1_024;
const SHUTDOWN = [
  'import fcntl, os, struct, sys',
  'fd = os.open(sys.argv[1], os.O_RDONLY)',
  "fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))",
].join('\n');

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export async function cutPower(
  most: { times: number; minutes?: number },
  random: () => number,
  progress: (line: string) => void,
): Promise<CutResult> {
  const work = mkdtempSync(join(tmpdir(), 'weir-power-product-'));
  const image = join(work, 'disk.img');
  const disk = join(work, 'disk');
  mkdirSync(disk);
  run('truncate', '-s', `${IMAGE_MB}M`, image);
  run('mkfs.ext4', '-q', '-F', image);
  let mounted = false;
  let running: Appliance | null = null;
  const start = async () => {
    if (!mounted) run('mount', '-o', 'loop', image, disk);
    mounted = true;
    running = await Appliance.start({ data: join(disk, 'data'), more: OFTEN });
    return running;
  };
  const cut = async (appliance: Appliance) => {
    run('python3', '-c', SHUTDOWN, disk);
    await appliance.kill();
    run('umount', disk);
    mounted = false;
  };
  const tidy = async () => {
    await running?.kill();
    if (mounted) run('umount', disk);
    rmSync(work, { recursive: true, force: true });
  };
  const onSignal = () => void tidy().finally(() => process.exit(130));
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  try {
    return await cutLoop({ start, cut }, most, random, progress);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    await tidy();
  }
}

if (import.meta.main) {
  const seed = numberOption('seed', 1 + Math.floor(Math.random() * 2 ** 31));
  const times = numberOption('times', 200);
  const minutes = numberOption('minutes', 24 * 60);
  process.stderr.write(`seed ${seed}\n`);
  const result = await cutPower({ times, minutes }, seeded(seed), (line) =>
    process.stderr.write(`${line}\n`),
  );
  process.stdout.write(`${JSON.stringify({ seed, ...result })}\n`);
  process.exitCode = result.wrong.length === 0 && result.lost === 0 ? 0 : 1;
}
