import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { WeirError } from '@weir/node/contract';
import { addPartition } from './add-partition.ts';
import { fatVolume, type VolumeFile, volumeBytesFor } from './fat-volume.ts';
import type { ImagePlan } from './image-plan.ts';
import { unfit } from './partition-table.ts';
import { RootFileSystem } from './root-file-system.ts';
import { cloudInitFiles, packagePath, ROOT_REMOVED, rootFiles, rootLinks, type Seed } from './seed.ts';
import type { Extent } from './write-disk.ts';

/**
 * How a board is told who it is: `cloud` lays NoCloud's files into the root for cloud-init, `files` says the same to
 * systemd and sshd where there is no cloud-init, `cidata` adds a volume of that name, which needs no tools.
 */
export const SEED_WAYS = ['auto', 'cloud', 'files', 'cidata', 'none'] as const;
export type SeedWay = (typeof SEED_WAYS)[number];

const NOCLOUD = '/var/lib/cloud/seed/nocloud';
const REGULAR = 0o100000;

export async function chooseWay(wanted: SeedWay, work: string, plan: ImagePlan): Promise<SeedWay> {
  if (wanted !== 'auto') return wanted;
  if (plan.rootOffset === null) return 'cidata';
  return (await new RootFileSystem(work, plan.rootOffset).has('/etc/cloud/cloud.cfg')) ? 'cloud' : 'files';
}

/** Bytes that the disk must have for it. */
export function bytesNeeded(way: SeedWay, seed: Seed, imageBytes: number): number {
  if (way !== 'cidata') return imageBytes;
  // Room to round to mebibytes, and for the table behind.
  return imageBytes + volumeBytesFor(volumeFiles(seed)) + (3 << 20);
}

/** Changes the unpacked image for a disk of that size; answers what of it is written. */
export async function plant(
  way: SeedWay,
  seed: Seed,
  work: string,
  plan: ImagePlan,
  diskBytes: number,
  imageBytes: number,
  shownAs: string,
): Promise<Extent[]> {
  const image: Extent = { from: 0, to: imageBytes };
  if (way === 'none') return [image];
  if (way === 'cidata')
    return [image, ...(await addVolume(seed, work, plan, diskBytes, imageBytes, shownAs))];
  if (plan.rootOffset === null)
    throw unfit(
      shownAs,
      'it has no ext4 to put files into',
      'Seed it with --seed cidata, if it has cloud-init.',
    );
  const root = new RootFileSystem(work, plan.rootOffset);
  if (way === 'cloud') {
    const at = seed.package === null ? null : packagePath(seed.package.name);
    const files = Object.entries(cloudInitFiles(seed, instanceOf(seed), at)).map(([name, text]) => ({
      path: `${NOCLOUD}/${name}`,
      bytes: Buffer.from(text),
      mode: REGULAR | 0o600,
    }));
    if (seed.package && at !== null)
      files.push({ path: at, bytes: Buffer.from(seed.package.bytes), mode: REGULAR | 0o644 });
    await root.change(files, {}, []);
  } else {
    if (seed.user !== 'root')
      throw new WeirError('WEIR_USAGE', `without cloud-init the image gets no user ${seed.user}.`, {
        field: 'access.user',
        suggestion:
          'Write access: { user: root } in the fleet file; Ansible can take that log-in away later.',
      });
    await root.change(rootFiles(seed), rootLinks(seed), ROOT_REMOVED);
  }
  return [image];
}

async function addVolume(
  seed: Seed,
  work: string,
  { head, table }: ImagePlan,
  diskBytes: number,
  imageBytes: number,
  shownAs: string,
): Promise<Extent[]> {
  const files = volumeFiles(seed);
  const volume = fatVolume('CIDATA', files, volumeBytesFor(files));
  const { offset, patches } = addPartition(head, table, diskBytes, volume.length, shownAs);
  const all = [...patches, { offset, bytes: volume }];
  const file = await open(work, 'r+');
  try {
    await file.truncate(diskBytes);
    for (const patch of all) await file.write(patch.bytes, 0, patch.bytes.length, patch.offset);
  } finally {
    await file.close();
  }
  const ends = all.map((patch) => ({
    from: Math.max(patch.offset, imageBytes),
    to: patch.offset + patch.bytes.length,
  }));
  return ends.filter(({ from, to }) => from < to).toSorted((a, b) => a.from - b.from);
}

function volumeFiles(seed: Seed): VolumeFile[] {
  const texts = cloudInitFiles(seed, instanceOf(seed), seed.package === null ? null : 'weir.deb');
  const files = Object.entries(texts).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  return seed.package === null ? files : [...files, { name: 'weir.deb', bytes: seed.package.bytes }];
}

/** cloud-init does its work once for each of these: the same seed flashed again is the same board. */
function instanceOf(seed: Seed): string {
  const { package: pack, ...said } = seed;
  const hash = createHash('sha256')
    .update(JSON.stringify(said))
    .update(pack?.bytes ?? '');
  return `weir-${seed.hostname}-${hash.digest('hex').slice(0, 12)}`;
}
