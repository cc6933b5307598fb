import { type Command, type Invocation, WeirError } from '@weir/node/contract';
import { withPart } from '../fleet/edit.ts';
import type { Fleet } from '../fleet/model.ts';
import { notFound } from '../not-found.ts';
import { Authority } from '../pki/authority.ts';
import type { CertificateKind, IssuedCertificate } from '../pki/issued.ts';
import { BOARD_DAYS, DEVICE_DAYS } from '../pki/sign.ts';
import type { SiteFolder } from '../pki/site-folder.ts';
import { days, print, text } from './shape.ts';
import { DIR, dayOf, fleetFrom, folderOf, named } from './site.ts';

export const addBoardCommand: Command = {
  name: 'provision add-board',
  usage: 'provision add-board NAME [--board KIND] [--address ADDRESS/PREFIX] [--host HOST]',
  summary:
    'Gives a board of the fleet file a key and a certificate; a board that is not in the file yet is put there.',
  options: {
    ...DIR,
    board: { type: 'string', value: 'KIND', help: 'kind of board; weir flash --boards lists them' },
    address: { type: 'string', value: 'ADDRESS', help: 'address with its prefix, or dhcp' },
    interface: {
      type: 'string',
      value: 'NAME',
      help: 'network interface; * at its end takes any that begins so',
    },
    host: { type: 'string', value: 'HOST', help: 'where it is reached, if not by its address' },
    days: { type: 'string', value: 'N', help: 'how long the certificate holds', default: String(BOARD_DAYS) },
  },
  run: (invocation) => add(invocation, 'board', ['board', 'address', 'interface', 'host'], BOARD_DAYS),
};

export const addDeviceCommand: Command = {
  name: 'provision add-device',
  usage: 'provision add-device ID [--publish FILTERS] [--subscribe FILTERS]',
  summary:
    'Gives a device of the fleet file a key and a certificate; one that is not in the file yet is put there.',
  options: {
    ...DIR,
    publish: { type: 'string', value: 'FILTERS', help: 'topics it may publish to, comma-separated' },
    subscribe: { type: 'string', value: 'FILTERS', help: 'topics it may subscribe to, comma-separated' },
    days: {
      type: 'string',
      value: 'N',
      help: 'how long the certificate holds',
      default: String(DEVICE_DAYS),
    },
  },
  run: (invocation) => add(invocation, 'device', ['publish', 'subscribe'], DEVICE_DAYS),
};

async function add(
  invocation: Invocation,
  kind: CertificateKind,
  settings: string[],
  mostDays: number,
): Promise<number> {
  const folder = folderOf(invocation);
  const name = named(invocation, kind);
  const given = Object.fromEntries(
    settings.flatMap((setting) => {
      const value = text(invocation, setting);
      if (value === undefined) return [];
      return [[setting, kind === 'device' ? value.split(',').filter(Boolean) : value]];
    }),
  );
  const holds = days(invocation, 'days', mostDays);
  const done = await folder.alone(async () => {
    const fleet = putInFile(folder, kind, name, given);
    const authority = await Authority.open(folder, Date.now);
    const current = authority.current(kind, name);
    if (current) return { certificate: current, isNew: false };
    const asked = { kind, name, reachedBy: reachedBy(fleet, kind, name), days: holds };
    return { certificate: await authority.issue(asked), isNew: true };
  });
  report(invocation, folder, kind, done.certificate, done.isNew);
  return 0;
}

/** The file is written only when it is right with the new part. */
function putInFile(folder: SiteFolder, kind: CertificateKind, name: string, given: object): Fleet {
  const before = folder.readFleet();
  const fleet = fleetFrom(before, folder.fleet);
  const known = kind === 'board' ? fleet.boards.map((one) => one.name) : fleet.devices.map((one) => one.id);
  if (known.includes(name)) {
    if (Object.keys(given).length > 0)
      throw new WeirError('WEIR_USAGE', `${name} stands in ${folder.fleet} already.`, {
        suggestion: 'Change it there, and leave the options out.',
      });
    return fleet;
  }
  const after = withPart(before, [`${kind}s`, name], given);
  const grown = fleetFrom(after, folder.fleet);
  folder.writeFleet(after);
  return grown;
}

/** Whatever a browser or a device may call the board; the certificate is for these and no others. */
export function reachedBy(fleet: Fleet, kind: CertificateKind, name: string): string[] {
  if (kind === 'device') return [];
  const board = fleet.boards.find((one) => one.name === name);
  if (!board)
    throw notFound(
      'board of the fleet file',
      name,
      fleet.boards.map((one) => one.name),
    );
  const address = board.address?.split('/')[0];
  const names = [`${name}.${fleet.domain}`, name, `${name}.local`, board.host, address];
  return [...new Set(names.filter((one) => one !== undefined))];
}

function report(
  invocation: Invocation,
  folder: SiteFolder,
  kind: CertificateKind,
  { name, serial, notAfterMs }: IssuedCertificate,
  isNew: boolean,
): void {
  const [certificate, key] = [folder.leafCertificate(kind, name), folder.leafKey(kind, name)];
  print(invocation, { kind, name, serial, notAfterMs, isNew, certificate, key }, [
    isNew
      ? `${name} has a certificate until ${dayOf(notAfterMs)}`
      : `${name} has one already, until ${dayOf(notAfterMs)}`,
    `certificate  ${certificate}`,
    `key          ${key}`,
    ...(kind === 'device'
      ? [`On each board: weir device add ${name} --no-password --data /var/lib/weir`]
      : []),
  ]);
}
