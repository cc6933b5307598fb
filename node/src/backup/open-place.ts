import { WeirError } from '../contract/index.ts';
import type { Place } from './place.ts';
import { DirectoryPlace } from './place-directory.ts';
import { SshPlace } from './place-ssh.ts';

/** `sshConfig` is a configuration file of ssh; null is that of the user who runs this. */
export function openPlace(where: string, sshConfig: string | null): Place {
  if (/^ssh:\/\//i.test(where)) return new SshPlace(where, sshConfig);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(where))
    throw new WeirError('WEIR_USAGE', `a backup goes to a directory or to ssh://…, not to ${where}`, {
      suggestion: 'Mount the other machine (NFS, sshfs), or name it as ssh://USER@HOST/DIR.',
    });
  return new DirectoryPlace(where);
}
