import { isIP } from 'node:net';
import {
  type Draft,
  deepFreeze,
  type FaultList,
  isTimezone,
  meant,
  nearest,
  quoted,
  readYaml,
  type SiteFault,
} from '@weir/node/contract';
import type { Fleet, FleetBoard, FleetDevice } from './model.ts';
import { type FleetFile, FleetSchema } from './schema.ts';

/** Ten thousand devices with filters of their own. */
const FLEET_FILE_MAX = 2 * 1024 * 1024;

export type ParsedFleet = { fleet: Fleet; faults: [] } | { fleet: null; faults: SiteFault[] };

/** Reads a fleet file; the fleet is frozen, or there is at least one fault, and then all of them. */
export function parseFleet(text: string, fileName: string, kinds: readonly string[]): ParsedFleet {
  const form = { schema: FleetSchema, is: 'a fleet file', maxChars: FLEET_FILE_MAX };
  const { draft, faults } = readYaml(text, fileName, form);
  const fleet = draft === null ? null : resolve(draft as Draft<FleetFile>, kinds, faults);
  const found = faults.sorted();
  if (found.length > 0 || fleet === null) return { fleet: null, faults: found };
  return { fleet: deepFreeze(fleet), faults: [] };
}

function resolve(file: Draft<FleetFile>, kinds: readonly string[], faults: FaultList): Fleet {
  const timezone = file.site?.timezone ?? 'UTC';
  if (!isTimezone(timezone)) {
    const near = nearest(timezone, Intl.supportedValuesOf('timeZone'));
    const suggestion =
      near === null ? 'write an IANA name such as Europe/Berlin' : `did you mean ${quoted(near)}?`;
    faults.at('site.timezone', `there is no time zone ${quoted(timezone)}`, suggestion);
  }
  const domain = file.network?.domain ?? 'local';
  const fleet: Fleet = {
    siteName: file.site?.name ?? 'Weir',
    timezone,
    domain,
    gateway: file.network?.gateway ?? null,
    dns: given(file.network?.dns),
    user: file.access?.user ?? 'root',
    sshKeys: given(file.access?.keys),
    boards: Object.entries(file.boards ?? {}).flatMap(([name, board]) =>
      board === undefined ? [] : [boardOf(name, board, domain)],
    ),
    devices: Object.entries(file.devices ?? {}).flatMap(([id, device]) =>
      device === undefined ? [] : [deviceOf(id, device)],
    ),
  };
  judgeAddresses(fleet, faults);
  judgeKinds(fleet, kinds, faults);
  return fleet;
}

type Item<T> = NonNullable<NonNullable<T>[keyof NonNullable<T>]>;

function boardOf(name: string, board: Item<Draft<FleetFile>['boards']>, domain: string): FleetBoard {
  const address = board.address === undefined || board.address === 'dhcp' ? null : board.address;
  return {
    name,
    kind: board.board ?? '',
    address,
    interface: board.interface ?? 'e*',
    host: board.host ?? address?.split('/')[0] ?? `${name}.${domain}`,
  };
}

function deviceOf(id: string, device: Item<Draft<FleetFile>['devices']>): FleetDevice {
  const publish = device.publish === undefined ? [`meters/${id}/#`] : given(device.publish);
  return { id, publish, subscribe: given(device.subscribe) };
}

function given<T>(items: readonly (T | undefined)[] | undefined): T[] {
  return (items ?? []).filter((item) => item !== undefined);
}

/** Two boards with one address take each other off the network; what looks like IPv6 may be none. */
function judgeAddresses({ boards, gateway, dns }: Fleet, faults: FaultList): void {
  const owners = new Map<string, string>();
  const judge = (address: string, path: string) => {
    if (isIP(address) !== 0) return true;
    faults.at(path, `${path} ${quoted(address)} is no address`, 'write one such as 192.168.1.1');
    return false;
  };
  for (const { name, address } of boards) {
    if (address === null) continue;
    const path = `boards.${name}.address`;
    const [bare, prefix] = address.split('/');
    if (!judge(bare, path)) continue;
    if (Number(prefix) > 128) faults.at(path, `${path} has a prefix past 128`, 'networks often have 64');
    const owner = owners.get(bare);
    if (owner !== undefined)
      faults.at(path, `${path} is also the address of ${owner}`, 'each board needs its own');
    owners.set(bare, name);
  }
  if (gateway !== null) judge(gateway, 'network.gateway');
  dns.forEach((server, at) => void judge(server, `network.dns.${at}`));
}

function judgeKinds({ boards }: Fleet, kinds: readonly string[], faults: FaultList): void {
  for (const { name, kind } of boards) {
    if (kind === '' || kinds.includes(kind)) continue;
    const path = `boards.${name}.board`;
    faults.at(path, `${path} ${quoted(kind)} is no known kind of board`, meant(kind, kinds));
  }
}
