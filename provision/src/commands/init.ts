import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Command } from '@weir/node/contract';
import { newFleetText } from '../fleet/edit.ts';
import { Authority } from '../pki/authority.ts';
import { fingerprint } from '../pki/sign.ts';
import { print, readNamed, text } from './shape.ts';
import { DIR, dayOf, fleetFrom, folderOf, readFleet } from './site.ts';

export const initCommand: Command = {
  name: 'provision init',
  usage: 'provision init [--dir DIR] [--name NAME] [--timezone ZONE] [--ssh-key FILE]',
  summary:
    'Makes the folder of a site: its authority, its join secret and its fleet file. A fleet file that is there is kept.',
  options: {
    ...DIR,
    name: { type: 'string', value: 'NAME', help: 'name of the place', default: 'Weir' },
    timezone: { type: 'string', value: 'ZONE', help: 'IANA zone of the boards', default: 'UTC' },
    'ssh-key': { type: 'string', value: 'FILE', help: 'public key of who may log in to the boards' },
  },
  async run(invocation) {
    const folder = folderOf(invocation);
    const keyFile = text(invocation, 'ssh-key');
    const keys = keyFile === undefined ? [] : readNamed(keyFile).toString('utf8').split('\n').filter(Boolean);
    const fresh = newFleetText(
      text(invocation, 'name') ?? 'Weir',
      text(invocation, 'timezone') ?? 'UTC',
      keys,
    );
    const kept = existsSync(folder.fleet);
    const fleet = kept ? readFleet(folder) : fleetFrom(fresh, folder.fleet);
    await Authority.create(folder, fleet.siteName, Date.now);
    if (!kept) folder.writeFleet(fresh);
    const pem = folder.readPublic(folder.authorityCertificate);
    const sha256 = await fingerprint(pem);
    const until = dayOf(Date.parse(new X509Certificate(pem).validTo));
    print(invocation, { dir: folder.root, site: fleet.siteName, authoritySha256: sha256, until }, [
      `site       ${fleet.siteName}`,
      `folder     ${folder.root}`,
      `fleet      ${folder.fleet}${kept ? ' (kept as it was)' : ''}`,
      `authority  ${sha256}`,
      `until      ${until}`,
      'Back it up now, and keep the file and the passphrase apart: weir provision backup --out FILE',
    ]);
    return 0;
  },
};
