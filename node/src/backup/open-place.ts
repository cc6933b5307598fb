import { WeirError } from '../contract/index.ts';
import type { Place } from './place.ts';
import { DirectoryPlace } from './place-directory.ts';

export function openPlace(where: string): Place {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(where))
    throw new WeirError('WEIR_USAGE', `a backup goes to a directory, not to ${where}`, {
      suggestion: 'Mount the other machine (NFS, sshfs), or copy the directory there afterwards: rsync -a.',
    });
  return new DirectoryPlace(where);
}
