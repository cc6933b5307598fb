/**
 * A FAT16 volume with files in its root: what cloud-init's NoCloud looks for under the label CIDATA. Made here, so that
 * an operator's computer needs no tools for it, and a test holds it to dosfstools' and mtools' reading.
 */

const SECTOR = 512;
const RESERVED = 1;
const FATS = 2;
const ROOT_ENTRIES = 512;
const ENTRY = 32;
/** FAT16 has between these; fewer would be read as FAT12, more as FAT32. */
const CLUSTERS_MIN = 4_085;
const CLUSTERS_MAX = 65_524;
const CHAIN_END = 0xffff;
const LONG_NAME = 0x0f;
/** 1 January 2026, as FAT writes dates: the same files give the same bytes. */
const DATE = ((2026 - 1980) << 9) | (1 << 5) | 1;

export interface VolumeFile {
  name: string;
  bytes: Uint8Array;
}

/** The least size, in whole mebibytes, that holds the files with some room. */
export function volumeBytesFor(files: readonly VolumeFile[]): number {
  const content = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return Math.max(8, Math.ceil((content * 1.05) / (1 << 20)) + 2) * (1 << 20);
}

export function fatVolume(label: string, files: readonly VolumeFile[], bytes: number): Buffer {
  const shape = shapeOf(bytes);
  const volume = Buffer.alloc(bytes);
  bootSector(volume, label, shape);
  const fat = new Uint16Array(shape.clusters + 2);
  fat.set([0xfff8, CHAIN_END]);
  const root: Buffer[] = [labelEntry(label)];
  let next = 2;
  files.forEach(({ name, bytes: content }, at) => {
    const count = Math.ceil(content.length / shape.clusterBytes);
    if (next + count > fat.length) throw new RangeError('the files do not fit into the volume');
    for (let i = 0; i < count; i++) fat[next + i] = i === count - 1 ? CHAIN_END : next + i + 1;
    volume.set(content, shape.dataAt + (next - 2) * shape.clusterBytes);
    root.push(...entriesOf(name, at + 1, count === 0 ? 0 : next, content.length));
    next += count;
  });
  const entries = Buffer.concat(root);
  if (entries.length > ROOT_ENTRIES * ENTRY) throw new RangeError('the root of the volume is full');
  entries.copy(volume, shape.rootAt);
  const table = Buffer.alloc(fat.length * 2);
  fat.forEach((value, cluster) => void table.writeUInt16LE(value, cluster * 2));
  for (let copy = 0; copy < FATS; copy++) table.copy(volume, (RESERVED + copy * shape.fatSectors) * SECTOR);
  return volume;
}

interface Shape {
  sectors: number;
  perCluster: number;
  clusterBytes: number;
  clusters: number;
  fatSectors: number;
  rootAt: number;
  dataAt: number;
}

function shapeOf(bytes: number): Shape {
  const sectors = Math.floor(bytes / SECTOR);
  const rootSectors = (ROOT_ENTRIES * ENTRY) / SECTOR;
  for (let perCluster = 1; perCluster <= 64; perCluster *= 2) {
    const fatSectors = Math.ceil(((Math.ceil(sectors / perCluster) + 2) * 2) / SECTOR);
    const dataSector = RESERVED + FATS * fatSectors + rootSectors;
    const clusters = Math.floor((sectors - dataSector) / perCluster);
    if (clusters > CLUSTERS_MAX) continue;
    if (clusters < CLUSTERS_MIN) break;
    const rootAt = (RESERVED + FATS * fatSectors) * SECTOR;
    const clusterBytes = perCluster * SECTOR;
    return { sectors, perCluster, clusterBytes, clusters, fatSectors, rootAt, dataAt: dataSector * SECTOR };
  }
  throw new RangeError(`no FAT16 has ${bytes} bytes`);
}

function bootSector(volume: Buffer, label: string, { sectors, perCluster, fatSectors }: Shape): void {
  volume.set([0xeb, 0x3c, 0x90]);
  volume.write('WEIR    ', 3, 'latin1');
  volume.writeUInt16LE(SECTOR, 11);
  volume[13] = perCluster;
  volume.writeUInt16LE(RESERVED, 14);
  volume[16] = FATS;
  volume.writeUInt16LE(ROOT_ENTRIES, 17);
  if (sectors < 65_536) volume.writeUInt16LE(sectors, 19);
  else volume.writeUInt32LE(sectors, 32);
  volume[21] = 0xf8;
  volume.writeUInt16LE(fatSectors, 22);
  volume.writeUInt16LE(32, 24);
  volume.writeUInt16LE(64, 26);
  volume[36] = 0x80;
  volume[38] = 0x29;
  volume.writeUInt32LE(0x57454952, 39);
  volume.write(label.padEnd(11), 43, 'latin1');
  volume.write('FAT16   ', 54, 'latin1');
  volume.writeUInt16LE(0xaa55, 510);
}

function labelEntry(label: string): Buffer {
  const entry = Buffer.alloc(ENTRY);
  entry.write(label.padEnd(11), 0, 'latin1');
  entry[11] = 0x08;
  entry.writeUInt16LE(DATE, 24);
  return entry;
}

/** A long name in pieces of 13, last first, then the short entry that old systems see. */
function entriesOf(name: string, number: number, cluster: number, length: number): Buffer[] {
  const short = Buffer.alloc(ENTRY);
  short.write(`FILE~${number}`.padEnd(11), 0, 'latin1');
  short[11] = 0x20;
  short.writeUInt16LE(DATE, 16);
  short.writeUInt16LE(DATE, 18);
  short.writeUInt16LE(DATE, 24);
  short.writeUInt16LE(cluster, 26);
  short.writeUInt32LE(length, 28);
  const sum = checksum(short);
  const pieces = Math.ceil(name.length / 13);
  const long = Array.from({ length: pieces }, (_, at) => longEntry(name, pieces - at, at === 0, sum));
  return [...long, short];
}

const LONG_PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

function longEntry(name: string, order: number, isLast: boolean, sum: number): Buffer {
  const entry = Buffer.alloc(ENTRY);
  entry[0] = order | (isLast ? 0x40 : 0);
  entry[11] = LONG_NAME;
  entry[13] = sum;
  LONG_PLACES.forEach((place, at) => {
    const index = (order - 1) * 13 + at;
    // After the name one zero, then all ones.
    const unit = index < name.length ? name.charCodeAt(index) : index === name.length ? 0 : 0xffff;
    entry.writeUInt16LE(unit, place);
  });
  return entry;
}

function checksum(short: Buffer): number {
  let sum = 0;
  for (const byte of short.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
