import { WeirError } from '../../contract/index.ts';

/** A directory of another machine, as `ssh://USER@HOST:PORT/DIR` names it. */
export interface SshAddress {
  /** As it was given, for messages. */
  url: string;
  host: string;
  user: string | null;
  port: number | null;
  /** Absolute, or, from `/~/DIR`, relative to the directory that a log-in begins in. */
  dir: string;
}

const FORM = /^ssh:\/\/(?:([^@/]*)@)?(\[[0-9A-Fa-f:.%]+\]|[^:@/[\]]+)(?::(\d{1,5}))?(\/.*)$/;
/** Nothing that ssh could take for an option or a shell for more than a word. */
const WORD = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

export function parseSshAddress(url: string): SshAddress {
  const match = FORM.exec(url);
  if (match === null) throw wrong(url, 'it is not ssh://USER@HOST:PORT/DIR');
  const [, user, bracketed, port, path] = match;
  const host = bracketed.replace(/^\[|\]$/g, '');
  if (user?.includes(':')) throw wrong(url.replace(/:[^@/]*@/, ':…@'), 'passwords are not taken, only keys');
  if (user !== undefined && !WORD.test(user)) throw wrong(url, 'the user is no name');
  if (bracketed === host && !WORD.test(host)) throw wrong(url, 'the host is no name');
  const number = port === undefined ? null : Number(port);
  if (number !== null && (number < 1 || number > 65_535)) throw wrong(url, 'there is no such port');
  const dir = decoded(url, path).replace(/\/+$/, '');
  const own = /^\/~\/(.+)$/.exec(dir)?.[1];
  if (dir === '' || dir === '/~' || dir.includes('\0') || dir.includes('\n'))
    throw wrong(url, 'it names no directory');
  return { url, host, user: user ?? null, port: number, dir: own === undefined ? dir : `./${own}` };
}

function decoded(url: string, path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw wrong(url, 'a % in it is not followed by two hexadecimal digits', cause);
  }
}

function wrong(url: string, why: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_USAGE', `${url} cannot be used: ${why}`, {
    cause,
    suggestion: 'Write ssh://USER@HOST/DIR, or ssh://USER@HOST:PORT/~/DIR for a directory of that user.',
  });
}
