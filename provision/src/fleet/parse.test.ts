import { readdirSync } from 'node:fs';
import { formatFaults } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { boardKind, boardKinds } from '../boards/boards.ts';
import { newFleetText, withPart } from './edit.ts';
import { parseFleet } from './parse.ts';

const faultsOf = (text: string) =>
  formatFaults(parseFleet(text, 'fleet.yaml', boardKinds()).faults)
    .split('\n')
    .slice(0, -1);

test('every default is filled in, and the fleet is frozen', () => {
  const { fleet } = parseFleet(
    'weir: 1\nboards: { gate1: { board: odroid-c4 } }\ndevices: { m1: {} }\n',
    'f',
    boardKinds(),
  );
  expect(fleet).toEqual({
    siteName: 'Weir',
    timezone: 'UTC',
    domain: 'local',
    gateway: null,
    dns: [],
    user: 'root',
    sshKeys: [],
    boards: [{ name: 'gate1', kind: 'odroid-c4', address: null, interface: 'e*', host: 'gate1.local' }],
    devices: [{ id: 'm1', publish: ['meters/m1/#'], subscribe: [] }],
  });
  expect(Object.isFrozen(fleet?.boards[0])).toBe(true);
});

test('all faults come at once, each with its place and what was meant', () => {
  const text = `weir: 1
site: { name: Riverside, timezone: Europe/Berln }
network: { domian: lan, gateway: 192.168.1.300 }
access: { keys: [ssh-ed25519 short] }
boards:
  gate1: { board: odroid-c5, address: 192.168.1.21/24 }
  Gate2: { board: odroid-c4 }
  gate3: { address: 192.168.1.21/24, board: odroid-c4, adress: dhcp }
  gate4: { board: odroid-m1s, address: 192.168.1.22 }
devices:
  ../up: {}
  m1: { publish: meters/m1/# }
`;
  expect(faultsOf(text)).toEqual([
    'fleet.yaml:2:36  there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?',
    'fleet.yaml:3:12  unknown key "domian" in network; did you mean "domain"?',
    'fleet.yaml:3:34  network.gateway "192.168.1.300" is no address; write an IPv4 or IPv6 address such as 192.168.1.1',
    'fleet.yaml:4:18  access.keys.0 "ssh-ed25519 short" is no public key of ssh; copy the line out of a file such as ~/.ssh/id_ed25519.pub',
    'fleet.yaml:6:19  boards.gate1.board "odroid-c5" is no known kind of board; did you mean "odroid-c4"?',
    'fleet.yaml:7:3  "Gate2" cannot name a board; use small letters, digits and -, at most 32, as in gate1',
    'fleet.yaml:8:21  boards.gate3.address is also the address of gate1; each board needs its own',
    'fleet.yaml:8:56  unknown key "adress" in boards.gate3; did you mean "address"?',
    'fleet.yaml:9:40  boards.gate4.address "192.168.1.22" is no address of a board; write dhcp, or an address with its prefix such as 192.168.1.21/24',
    'fleet.yaml:11:3  "../up" cannot name a device; use letters, digits and . _ : -, at most 64',
    'fleet.yaml:12:18  devices.m1.publish is a single value; it must be a list',
  ]);
});

test('a new fleet file has no faults, nor has one with a part more', () => {
  const text = newFleetText('O’Hara’s: "lock"', 'Europe/Dublin', []);
  expect(faultsOf(text)).toEqual(
    [
      'fleet.yaml:3:15  site.name "O’Hara’s: \\"lock\\"" is no name of a place; use at most 64 letters, without " , + = < > # ; and \\',
    ].map((line) => line.replaceAll('\\"', '"')),
  );
  const right = withPart(newFleetText('O’Hara’s', 'Europe/Dublin', []), ['devices', 'a:b.c'], {
    publish: ['x/#'],
  });
  expect(parseFleet(right, 'f', boardKinds()).fleet?.devices).toEqual([
    { id: 'a:b.c', publish: ['x/#'], subscribe: [] },
  ]);
});

test('every description of a board is read, and none is left out', () => {
  const files = readdirSync(new URL('../../boards/', import.meta.url)).map((file) =>
    file.replace('.yaml', ''),
  );
  expect(files.toSorted()).toEqual([...boardKinds()].toSorted());
  for (const kind of boardKinds()) expect(boardKind(kind).images.length).toBeGreaterThan(0);
  expect(boardKind('odroid-c4')).toMatchObject({ tables: ['mbr'], loader: { sector: 1 }, leastBytes: 8e9 });
});
