import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { chmod, open, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bytesText, WeirError } from '@weir/node/contract';
import type { BoardKind } from '../boards/boards.ts';
import { type DiskWanted, refusalsOf, refuseDisk } from './disk-checks.ts';
import { type DiskFacts, diskFacts, idsOf, type KernelTrees } from './disk-facts.ts';
import { type ImagePlan, planImage } from './image-plan.ts';
import { publishedSum, unpack } from './image-source.ts';
import { unfit } from './partition-table.ts';
import { bytesNeeded, chooseWay, plant, type SeedWay } from './plant.ts';
import { Progress } from './progress.ts';
import type { Seed } from './seed.ts';
import { checksumOf, type Extent, openDisk, writeExtents } from './write-disk.ts';

export interface FlashOptions {
  image: string;
  board: BoardKind;
  seed: Seed;
  way: SeedWay;
  to: string;
  /** For a file: how large it becomes. */
  sizeBytes: number | null;
  sha256: string | undefined;
  dryRun: boolean;
  workDir: string | null;
  trees: KernelTrees;
  /** Answers what was typed to confirm, or null when nobody is there. */
  confirm(disk: DiskFacts): Promise<string | null>;
  say(line: string): void;
  isTerminal: boolean;
}

export interface Flashed {
  to: string;
  written: boolean;
  seeded: SeedWay;
  table: 'mbr' | 'gpt';
  imageBytes: number;
  diskBytes: number;
  /** Of everything that was written, and read back equal. */
  sha256: string | null;
  /** Where the image's own checksum came from; null: it was compared with none. */
  sumFrom: string | null;
}

/** Unpacks, judges, seeds, and writes an image. Nothing is opened for writing before every check has passed. */
export async function flash(options: FlashOptions): Promise<Flashed> {
  if (!existsSync(options.image))
    throw new WeirError('WEIR_USAGE', `there is no image ${options.image}`, { field: 'image' });
  const disk = diskFacts(options.to, options.trees);
  // What the image needs is known later; all else is told at once, before anybody waits for it.
  if (disk) judgeDisk(disk, options, 0);
  else judgeFile(options.to);
  if (disk && !options.dryRun) await confirmed(disk, options);
  const folder = mkdtempSync(join(disk ? (options.workDir ?? tmpdir()) : dirname(options.to), 'weir-flash-'));
  try {
    return await flashThrough(join(folder, 'image'), disk, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function flashThrough(work: string, disk: DiskFacts | null, options: FlashOptions): Promise<Flashed> {
  const { image, board, seed, say } = options;
  const { imageBytes, sumFrom } = await unpacked(work, options);
  const plan = await planImage(work, image, board);
  const way = await chooseWay(options.way, work, plan);
  const needed = bytesNeeded(way, seed, imageBytes);
  if (disk) judgeDisk(disk, options, needed);
  const diskBytes = disk?.bytes ?? Math.max(options.sizeBytes ?? needed, 0);
  if (diskBytes < needed)
    throw new WeirError('WEIR_USAGE', `--size is less than the ${bytesText(needed)} that the image needs`, {
      field: 'size',
    });
  say(
    `image     ${bytesText(imageBytes)}, ${plan.table.kind.toUpperCase()}, ${plan.table.partitions.length} partitions`,
  );
  say(
    `seed      ${way}: ${seed.hostname}, ${seed.address ?? 'DHCP'}, ${seed.timezone}, ${seed.sshKeys.length} ssh keys`,
  );
  const known = { to: options.to, seeded: way, table: plan.table.kind, imageBytes, diskBytes, sumFrom };
  if (options.dryRun) {
    say(`dry run   ${options.to} was not opened for writing`);
    return { ...known, written: false, sha256: null };
  }
  const sha256 = await written(work, way, plan, disk, diskBytes, imageBytes, options);
  return { ...known, written: true, sha256 };
}

async function unpacked(
  work: string,
  { image, sha256, say, isTerminal }: FlashOptions,
): Promise<{ imageBytes: number; sumFrom: string | null }> {
  const published = publishedSum(image, sha256);
  const progress = new Progress('unpack', statSync(image).size, say, isTerminal);
  const { sha256: found, bytes } = await unpack(image, work, progress);
  progress.end();
  if (published && published.sha256 !== found)
    throw unfit(
      image,
      `its checksum is ${found}, and ${published.from} says ${published.sha256}`,
      'Download it again.',
    );
  say(
    published
      ? `checksum  as ${published.from} says`
      : 'checksum  not compared: there is none beside the image; give --sha256',
  );
  return { imageBytes: bytes, sumFrom: published?.from ?? null };
}

async function written(
  work: string,
  way: SeedWay,
  plan: ImagePlan,
  disk: DiskFacts | null,
  diskBytes: number,
  imageBytes: number,
  options: FlashOptions,
): Promise<string> {
  const extents = await plant(way, options.seed, work, plan, diskBytes, imageBytes, options.image);
  const total = extents.reduce((sum, { from, to }) => sum + to - from, 0);
  const wanted = disk
    ? await ontoDisk(work, disk, extents, total, options)
    : await intoFile(work, diskBytes, extents, total, options);
  const progress = new Progress('read back', total, options.say, options.isTerminal);
  const found = await checksumOf(options.to, extents, disk !== null, progress);
  progress.end();
  if (found !== wanted)
    throw new WeirError(
      'WEIR_FLASH_FAILED',
      `${options.to} reads back as ${found}, not as ${wanted} that was written.`,
    );
  return found;
}

async function ontoDisk(
  work: string,
  before: DiskFacts,
  extents: readonly Extent[],
  total: number,
  options: FlashOptions,
): Promise<string> {
  // Minutes have passed: somebody may have mounted it, or put another card in.
  const now = diskFacts(options.to, options.trees);
  if (!now || now.number !== before.number || now.bytes !== before.bytes)
    throw new WeirError('WEIR_FLASH_REFUSED', `${options.to} is another disk than a moment ago.`, {
      field: 'changed',
    });
  judgeDisk(now, options, total);
  const source = await open(work, 'r');
  const target = await openDisk(options.to, now.number);
  try {
    const progress = new Progress('write', total, options.say, options.isTerminal);
    const sum = await writeExtents(source, target, extents, progress);
    progress.end();
    return sum;
  } finally {
    await target.close();
    await source.close();
  }
}

/** The work file becomes the image: it lies beside, and holes stay holes. */
async function intoFile(
  work: string,
  diskBytes: number,
  extents: readonly Extent[],
  total: number,
  options: FlashOptions,
): Promise<string> {
  const file = await open(work, 'r+');
  try {
    await file.truncate(diskBytes);
    await file.sync();
  } finally {
    await file.close();
  }
  const progress = new Progress('checksum', total, options.say, options.isTerminal);
  const sum = await checksumOf(work, extents, false, progress);
  progress.end();
  judgeFile(options.to);
  // It holds the join secret.
  await chmod(work, 0o600);
  await rename(work, options.to);
  return sum;
}

function judgeDisk(disk: DiskFacts, { board, trees }: FlashOptions, imageBytes: number): void {
  const wanted: DiskWanted = { leastBytes: board.leastBytes, mostBytes: board.mostBytes, imageBytes };
  const refusals = refusalsOf(disk, wanted);
  if (refusals.length > 0) throw refuseDisk(disk, refusals, idsOf(disk.name, trees));
}

function judgeFile(path: string): void {
  if (existsSync(path))
    throw new WeirError('WEIR_FLASH_REFUSED', `${path} exists and is no disk; it is not written over.`, {
      field: 'exists',
    });
  if (path.startsWith('/dev/'))
    throw new WeirError('WEIR_NOT_FOUND', `there is no disk ${path}.`, {
      field: 'to',
      suggestion: '`weir flash --disks` lists them.',
    });
  if (!existsSync(dirname(path)))
    throw new WeirError('WEIR_USAGE', `there is no folder ${dirname(path)}`, { field: 'to' });
}

async function confirmed(disk: DiskFacts, options: FlashOptions): Promise<void> {
  options.say(`disk      ${disk.path}`);
  options.say(
    `          ${disk.name}, ${bytesText(disk.bytes)}, ${disk.bus}${disk.model ? `, ${disk.model}` : ''}`,
  );
  const typed = await options.confirm(disk);
  if (typed === disk.id) return;
  throw new WeirError(
    'WEIR_FLASH_REFUSED',
    typed === null
      ? `nobody confirmed that ${disk.id} may be erased.`
      : `what was typed is not ${disk.id}; nothing was written.`,
    {
      field: 'confirm',
      suggestion: typed === null ? `Give --confirm ${disk.id} where there is no terminal.` : undefined,
    },
  );
}
