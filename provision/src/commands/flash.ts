import { basename, resolve } from 'node:path';
import {
  bytesText,
  type Command,
  formatFaults,
  type Invocation,
  parseSite,
  parseSize,
  WeirError,
} from '@weir/node/contract';
import { boardKind, boardKinds } from '../boards/boards.ts';
import { refusalsOf } from '../flash/disk-checks.ts';
import { type DiskFacts, diskFacts, diskNames, idsOf, THIS_MACHINE } from '../flash/disk-facts.ts';
import { type Flashed, flash } from '../flash/flash.ts';
import { SEED_WAYS, type SeedWay } from '../flash/plant.ts';
import { type Seed, seedOf } from '../flash/seed.ts';
import { notFound } from '../not-found.ts';
import { askTerminal } from './ask.ts';
import { flag, print, readNamed, text } from './shape.ts';
import { DIR, folderOf, readFleet } from './site.ts';

export const flashCommand: Command = {
  name: 'flash',
  usage: 'flash IMAGE --for BOARD --to DISK|FILE [--dry-run]   |   flash --disks   |   flash --boards',
  summary:
    'Writes a downloaded image for one board of the fleet file: checks the disk, seeds name, network, keys and join secret, writes, reads back.',
  options: {
    ...DIR,
    for: { type: 'string', value: 'BOARD', help: 'board of the fleet file' },
    to: {
      type: 'string',
      value: 'PATH',
      help: 'disk as named below /dev/disk/by-id, or a file that does not exist',
    },
    size: { type: 'string', value: 'SIZE', help: 'of a file, such as 8GB (what the image needs)' },
    package: { type: 'string', value: 'DEB', help: 'package of Weir that is installed at the first start' },
    site: { type: 'string', value: 'FILE', help: 'site file that it starts with (the one of the package)' },
    seed: { type: 'string', value: 'WAY', help: SEED_WAYS.join(', '), default: 'auto' },
    sha256: { type: 'string', value: 'HEX', help: 'checksum of the image (from a file beside it)' },
    confirm: { type: 'string', value: 'NAME', help: 'last part of the disk’s name, instead of typing it' },
    work: { type: 'string', value: 'DIR', help: 'where the image is unpacked' },
    'dry-run': { type: 'boolean', help: 'do everything but write' },
    disks: { type: 'boolean', help: 'list disks, and why one would be refused' },
    boards: { type: 'boolean', help: 'list kinds of boards and their images' },
  },
  async run(invocation) {
    if (flag(invocation, 'boards')) return listBoards(invocation);
    if (flag(invocation, 'disks')) return listDisks(invocation);
    const [image] = invocation.args;
    const to = text(invocation, 'to');
    if (image === undefined || to === undefined)
      throw new WeirError('WEIR_USAGE', 'name the image, --for and --to');
    const flashed = await flashFor(invocation, image, to);
    print(invocation, flashed, lines(flashed));
    return 0;
  },
};

async function flashFor(invocation: Invocation, image: string, to: string): Promise<Flashed> {
  const folder = folderOf(invocation);
  const fleet = readFleet(folder);
  const name = text(invocation, 'for') ?? '';
  const board = fleet.boards.find((one) => one.name === name);
  if (!board)
    throw notFound(
      'board of the fleet file',
      name,
      fleet.boards.map((one) => one.name),
      'for',
    );
  const isTerminal = process.stderr.isTTY === true;
  return flash({
    image,
    board: boardKind(board.kind),
    seed: seedOf(fleet, board, folder.readSecret(), {
      package: packageOf(invocation),
      site: siteOf(invocation),
    }),
    way: wayOf(invocation),
    to: resolve(to),
    sizeBytes: sizeOf(invocation),
    sha256: text(invocation, 'sha256'),
    dryRun: flag(invocation, 'dry-run'),
    workDir: text(invocation, 'work') ?? null,
    trees: THIS_MACHINE,
    confirm: async ({ id }) =>
      text(invocation, 'confirm') ?? (await askTerminal(`All of it is erased. Type ${id} to go on: `)),
    say: (line) => void process.stderr.write(line.includes('\r') || line.endsWith('\n') ? line : `${line}\n`),
    isTerminal,
  });
}

function packageOf(invocation: Invocation): Seed['package'] {
  const file = text(invocation, 'package');
  if (file === undefined) return null;
  const bytes = readNamed(file);
  if (bytes.subarray(0, 8).toString('latin1') !== '!<arch>\n')
    throw new WeirError('WEIR_USAGE', `${file} is no package of Debian`, { field: 'package' });
  return { name: basename(file).replace(/[^A-Za-z0-9._+~-]/g, '_'), bytes };
}

/** Held to the schema here: on the board nobody would read what is wrong with it. */
function siteOf(invocation: Invocation): string | null {
  const file = text(invocation, 'site');
  if (file === undefined) return null;
  const content = readNamed(file).toString('utf8');
  const { site, faults } = parseSite(content, file);
  if (site) return content;
  throw new WeirError('WEIR_SITE_INVALID', `the site file has faults\n${formatFaults(faults)}`, {
    field: 'site',
  });
}

function wayOf(invocation: Invocation): SeedWay {
  const given = text(invocation, 'seed') ?? 'auto';
  const way = SEED_WAYS.find((one) => one === given);
  if (way !== undefined) return way;
  throw new WeirError('WEIR_USAGE', `--seed takes ${SEED_WAYS.join(', ')}`, { field: 'seed' });
}

function sizeOf(invocation: Invocation): number | null {
  const given = text(invocation, 'size');
  if (given === undefined) return null;
  const bytes = parseSize(given);
  if (bytes === null) throw new WeirError('WEIR_USAGE', '--size takes a size such as 8GB', { field: 'size' });
  return Math.floor(bytes / 512) * 512;
}

function listBoards(invocation: Invocation): number {
  const kinds = boardKinds().map(boardKind);
  const shown = kinds.flatMap((kind) => [
    `${kind.name.padEnd(15)}  ${kind.title} (${kind.architecture}): ${kind.media.join(', ')}`,
    ...kind.images.map((image) => `${''.padEnd(15)}  image: ${image}`),
    ...kind.notes.map((note) => `${''.padEnd(15)}  ${note}`),
  ]);
  print(invocation, { boards: kinds }, shown);
  return 0;
}

function listDisks(invocation: Invocation): number {
  const disks = diskNames(THIS_MACHINE).flatMap((name) => {
    const [id] = idsOf(name, THIS_MACHINE);
    const facts = diskFacts(id ?? `/dev/${name}`, THIS_MACHINE);
    return facts && facts.bytes > 0 ? [{ ...facts, refusals: refusalsOf(facts, ANY_BOARD) }] : [];
  });
  print(invocation, { disks }, disks.flatMap(diskLines));
  return 0;
}

/** Bounds that every board has. */
const ANY_BOARD = { leastBytes: 1, mostBytes: 2e12, imageBytes: 0 };

function diskLines(disk: DiskFacts & { refusals: { why: string }[] }): string[] {
  const what = `${disk.path}  ${bytesText(disk.bytes)}, ${disk.bus}${disk.model ? `, ${disk.model}` : ''}`;
  return [what, ...disk.refusals.map(({ why }) => `    refused: ${why}`)];
}

function lines(flashed: Flashed): string[] {
  if (!flashed.written) return [`${flashed.to} would be written: ${bytesText(flashed.imageBytes)}`];
  return [`${flashed.to} is written and reads back`, `sha256  ${flashed.sha256}`];
}
