import { type Static, Type } from 'typebox';

/**
 * The fleet file, said once: which boards and devices a site has. From it come the first-boot files of boards, their
 * certificates and the inventory for Ansible. It has no secrets. The walk, and the words that start with `x-`, are
 * those of the site file.
 */

const closed = { additionalProperties: false };

/** A host name: DNS labels are at most 63, and it stands in front of a domain. */
export const BOARD_NAME = '^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$';
/** What the broker takes as a device's client id; it also names a folder, so it does not begin with a point. */
export const DEVICE_ID = '^(?!\\.)[A-Za-z0-9._:-]{1,64}$';
const FILTER = '^[^\\u0000-\\u001f\\u007f]{1,256}$';
const IPV4 = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}';
const IPV6 = '(?=[^/]*:)[0-9A-Fa-f:]{2,39}';

function text(is: string, write: string, pattern: string, description: string, fallback?: string) {
  return Type.String({
    pattern,
    description,
    'x-kind': is.replace(/^no /, ''),
    'x-says': { is, write },
    ...(fallback !== undefined && { default: fallback }),
  });
}

const address = (description: string) =>
  text('no address', 'write an IPv4 or IPv6 address such as 192.168.1.1', `^(${IPV4}|${IPV6})$`, description);

const filter = (description: string) =>
  text('no filter of topics', 'write a filter such as meters/m1/#', FILTER, description);

const Board = Type.Object(
  {
    board: text(
      'no kind of board',
      'write the name of a description, such as odroid-c4',
      '^[a-z0-9-]{1,40}$',
      'Kind of board; `weir flash --boards` lists them.',
    ),
    address: Type.Optional(
      text(
        'no address of a board',
        'write dhcp, or an address with its prefix such as 192.168.1.21/24',
        `^(dhcp|${IPV4}/([0-9]|[12]\\d|3[0-2])|${IPV6}/\\d{1,3})$`,
        'Address in the network with its prefix, or `dhcp`.',
        'dhcp',
      ),
    ),
    interface: Type.Optional(
      text(
        'no name of an interface',
        'write a name such as eth0, or e* for any cable',
        '^[a-z][a-z0-9]{0,14}\\*?$',
        'Network interface; a `*` at its end takes any that begins so.',
        'e*',
      ),
    ),
    host: Type.Optional(
      text(
        'no host name',
        'write the name or address that the board is reached by',
        '^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$',
        'Where it is reached. Absent: its address, or its name in the domain.',
      ),
    ),
  },
  { ...closed, description: 'One board.' },
);

const Device = Type.Object(
  {
    publish: Type.Optional(
      Type.Array(filter('A filter.'), {
        maxItems: 32,
        description: 'Topics that it may publish to. Absent: `meters/ID/#`.',
      }),
    ),
    subscribe: Type.Optional(
      Type.Array(filter('A filter.'), {
        maxItems: 32,
        default: [],
        description: 'Topics that it may subscribe to.',
      }),
    ),
  },
  { ...closed, description: 'One device with a certificate.' },
);

export const FleetSchema = Type.Object(
  {
    weir: Type.Literal(1, { description: 'Version of this format.' }),
    site: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(
            Type.String({
              pattern: '^[^\\u0000-\\u001f\\u007f",+=<>#;\\\\]{1,64}$',
              description: 'The place; it stands in the certificates.',
              'x-kind': 'text',
              'x-says': {
                is: 'no name of a place',
                write: 'use at most 64 letters, without " , + = < > # ; and \\',
              },
              default: 'Weir',
            }),
          ),
          timezone: Type.Optional(
            text(
              'no time zone',
              'write an IANA name such as Europe/Berlin',
              '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
              'IANA zone of the boards.',
              'UTC',
            ),
          ),
        },
        { ...closed, default: {}, description: 'The place.' },
      ),
    ),
    network: Type.Optional(
      Type.Object(
        {
          domain: Type.Optional(
            text(
              'no domain',
              'write a domain such as local or lan.example',
              '^[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?$',
              'Domain of the boards’ names.',
              'local',
            ),
          ),
          gateway: Type.Optional(address('Router, for boards with an address of their own.')),
          dns: Type.Optional(
            Type.Array(address('A server.'), {
              maxItems: 4,
              default: [],
              description: 'Name servers, likewise.',
            }),
          ),
        },
        { ...closed, default: {}, description: 'The network.' },
      ),
    ),
    access: Type.Optional(
      Type.Object(
        {
          user: Type.Optional(
            text(
              'no name of a user',
              'write a name such as operator',
              '^[a-z][a-z0-9_-]{0,30}$',
              'Who logs in over ssh and may become root.',
              'root',
            ),
          ),
          keys: Type.Optional(
            Type.Array(
              text(
                'no public key of ssh',
                'copy the line out of a file such as ~/.ssh/id_ed25519.pub',
                '^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\\.com) [A-Za-z0-9+/]{40,2000}={0,2}( [^\\u0000-\\u001f\\u007f]{0,200})?$',
                'A key.',
              ),
              {
                maxItems: 32,
                default: [],
                description: 'Public keys that may. Without one nobody can log in.',
              },
            ),
          ),
        },
        { ...closed, default: {}, description: 'Access over ssh. Passwords are not taken.' },
      ),
    ),
    boards: Type.Optional(
      Type.Record(Type.String({ pattern: BOARD_NAME }), Board, {
        ...closed,
        maxProperties: 64,
        default: {},
        description: 'Boards, by host name.',
        'x-kindOfName': 'board',
        'x-nameIsWritten': 'use small letters, digits and -, at most 32, as in gate1',
      }),
    ),
    devices: Type.Optional(
      Type.Record(Type.String({ pattern: DEVICE_ID }), Device, {
        ...closed,
        maxProperties: 10_000,
        default: {},
        description: 'Devices with a certificate, by client id.',
        'x-kindOfName': 'device',
        'x-nameIsWritten': 'use letters, digits and . _ : -, at most 64',
      }),
    ),
  },
  { ...closed, title: 'Fleet file of Weir', description: 'Boards and devices of one site.' },
);

export type FleetFile = Static<typeof FleetSchema>;
