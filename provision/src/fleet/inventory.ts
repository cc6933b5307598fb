import { stringify } from 'yaml';
import type { SiteFolder } from '../pki/site-folder.ts';
import type { Fleet } from './model.ts';

const HEAD =
  '# Made by `weir provision inventory` from fleet.yaml; edit that. Keys are named here, not held.\n';

/**
 * The inventory for Ansible: the group `boards`, a host for each. What a board's TLS needs is laid beside its site
 * file, under the same names on every board, so that one site file serves all.
 */
export function inventoryText(fleet: Fleet, folder: SiteFolder): string {
  const hosts = Object.fromEntries(
    fleet.boards.map((board) => [
      board.name,
      {
        ansible_host: board.host,
        weir_site_extras: [
          { src: folder.leafCertificate('board', board.name), mode: '0644' },
          { src: folder.leafKey('board', board.name), mode: '0640' },
          { src: folder.authorityCertificate, mode: '0644' },
          { src: folder.revoked, mode: '0644' },
        ],
      },
    ]),
  );
  const vars = {
    ansible_user: fleet.user,
    base_timezone: fleet.timezone,
    weir_devices: fleet.devices.map(({ id, publish, subscribe }) => ({ id, publish, subscribe })),
  };
  return HEAD + stringify({ boards: { vars, hosts } }, { lineWidth: 0, aliasDuplicateObjects: false });
}
