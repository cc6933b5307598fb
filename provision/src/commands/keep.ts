import { existsSync } from 'node:fs';
import { type Command, type Invocation, type Option, WeirError } from '@weir/node/contract';
import { inventoryText } from '../fleet/inventory.ts';
import { notFound } from '../not-found.ts';
import { backUp, restore } from '../pki/backup.ts';
import { PRIVATE_FILE, PUBLIC_FILE, writeFileWhole } from '../pki/private-files.ts';
import { fingerprint } from '../pki/sign.ts';
import { deviceCode, firstVisitUrl, svgQr, terminalQr } from '../qr/qr.ts';
import { passphrase } from './ask.ts';
import { flag, print, readNamed, text } from './shape.ts';
import { DIR, folderOf, named, readFleet } from './site.ts';

const PASSPHRASE: Record<string, Option> = {
  'passphrase-file': {
    type: 'string',
    value: 'FILE',
    help: 'holds the passphrase and is readable by you only; without it, you are asked',
  },
};

export const inventoryCommand: Command = {
  name: 'provision inventory',
  usage: 'provision inventory [--out FILE]',
  summary: 'The inventory for Ansible, out of the fleet file.',
  options: { ...DIR, out: { type: 'string', value: 'FILE', help: 'write it there (stdout)' } },
  async run(invocation) {
    const folder = folderOf(invocation);
    const fleet = readFleet(folder);
    const bare = fleet.boards.filter(({ name }) => !existsSync(folder.leafCertificate('board', name)));
    if (bare.length > 0)
      throw new WeirError(
        'WEIR_NOT_FOUND',
        `${bare.map(({ name }) => name).join(', ')} has no certificate yet.`,
        {
          suggestion: `Run: weir provision add-board ${bare[0].name}.`,
        },
      );
    const content = inventoryText(fleet, folder);
    const out = text(invocation, 'out');
    if (out === undefined) process.stdout.write(content);
    else {
      writeFileWhole(out, content, PUBLIC_FILE);
      print(invocation, { file: out, boards: fleet.boards.length }, [
        `${out} has ${fleet.boards.length} boards`,
      ]);
    }
    return 0;
  },
};

export const checkFleetCommand: Command = {
  name: 'provision check',
  usage: 'provision check',
  summary:
    'Reads the fleet file and reports every fault at once, each with its line, column and a suggestion.',
  options: DIR,
  async run(invocation) {
    const folder = folderOf(invocation);
    const { boards, devices } = readFleet(folder);
    print(invocation, { file: folder.fleet, boards: boards.length, devices: devices.length }, [
      `${folder.fleet} is fine: ${boards.length} boards, ${devices.length} devices`,
    ]);
    return 0;
  },
};

export const qrCommand: Command = {
  name: 'provision qr',
  usage: 'provision qr NAME [--with-key] [--svg FILE]',
  summary:
    'A QR code: of a board, the address of its pages for the first visit; of a device, what its installer needs.',
  options: {
    ...DIR,
    port: { type: 'string', value: 'PORT', help: 'of the board’s pages', default: '8443' },
    broker: { type: 'string', value: 'BOARD', help: 'the board that the device talks to (the first)' },
    'with-key': { type: 'boolean', help: 'put the device’s certificate and private key into the code' },
    svg: { type: 'string', value: 'FILE', help: 'write it as SVG, to print' },
  },
  async run(invocation) {
    const content = await contentOf(invocation, named(invocation, 'board or device'));
    const svg = text(invocation, 'svg');
    // A code may hold a key, so the file is as closed as one.
    if (svg !== undefined) writeFileWhole(svg, svgQr(content), PRIVATE_FILE);
    else if (!invocation.json) process.stdout.write(terminalQr(content));
    const isSecret = flag(invocation, 'with-key');
    const lines = svg === undefined ? [] : [`${svg} is written`];
    if (!isSecret) lines.push(content);
    print(invocation, { ...(isSecret ? {} : { content }), ...(svg && { svg }) }, lines);
    return 0;
  },
};

async function contentOf(invocation: Invocation, name: string): Promise<string> {
  const folder = folderOf(invocation);
  const fleet = readFleet(folder);
  const board = fleet.boards.find((one) => one.name === name);
  if (board) return firstVisitUrl(board.host, portOf(invocation));
  if (!fleet.devices.some(({ id }) => id === name)) {
    const all = [...fleet.boards.map((one) => one.name), ...fleet.devices.map(({ id }) => id)];
    throw notFound('board or device of the fleet file', name, all);
  }
  const wanted = text(invocation, 'broker');
  const broker = fleet.boards.find((one) => wanted === undefined || one.name === wanted);
  if (!broker)
    throw new WeirError('WEIR_NOT_FOUND', `there is no board ${wanted ?? ''} for it to talk to.`, {
      suggestion: 'Add one: weir provision add-board NAME.',
    });
  const withKey = flag(invocation, 'with-key');
  return deviceCode({
    broker: `mqtts://${broker.host.includes(':') ? `[${broker.host}]` : broker.host}:8883`,
    id: name,
    authoritySha256: await fingerprint(folder.readPublic(folder.authorityCertificate)),
    ...(withKey && {
      certificate: folder.readPublic(folder.leafCertificate('device', name)),
      key: folder.readKey(folder.leafKey('device', name)),
    }),
  });
}

function portOf(invocation: Invocation): number {
  const port = Number(text(invocation, 'port'));
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new WeirError('WEIR_USAGE', '--port takes 1 to 65535', { field: 'port' });
}

export const backupCommand: Command = {
  name: 'provision backup',
  usage: 'provision backup --out FILE',
  summary:
    'Seals the whole folder of the site with a passphrase (scrypt, AES-256-GCM). The file may lie anywhere.',
  options: {
    ...DIR,
    ...PASSPHRASE,
    out: { type: 'string', value: 'FILE', help: 'the sealed file; it must not exist' },
  },
  async run(invocation) {
    const folder = folderOf(invocation);
    const out = text(invocation, 'out');
    if (out === undefined) throw new WeirError('WEIR_USAGE', '--out is needed', { field: 'out' });
    if (existsSync(out))
      throw new WeirError('WEIR_USAGE', `${out} exists; it was not touched.`, {
        suggestion: 'Take another name.',
      });
    const words = await passphrase(invocation, true);
    const { bytes, files } = await folder.alone(() => backUp(folder, words));
    writeFileWhole(out, bytes, PRIVATE_FILE);
    print(invocation, { file: out, files, bytes: bytes.length }, [
      `${out} holds ${files} files, sealed; keep the passphrase apart from it`,
    ]);
    return 0;
  },
};

export const restoreCommand: Command = {
  name: 'provision restore',
  usage: 'provision restore FILE [--dir DIR]',
  summary: 'Opens a sealed file into an empty folder.',
  options: { ...DIR, ...PASSPHRASE },
  async run(invocation) {
    const folder = folderOf(invocation);
    const file = named(invocation, 'sealed file');
    const sealed = readNamed(file);
    const files = await restore(folder, sealed, await passphrase(invocation, false), file);
    print(invocation, { dir: folder.root, files }, [`${files} files are in ${folder.root}`]);
    return 0;
  },
};
