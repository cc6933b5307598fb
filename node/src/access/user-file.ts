import { randomBytes, randomInt, scrypt } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { WeirError } from '../contract/index.ts';
import { changeFile, readIfThere } from './change-file.ts';

/** People who log in to the pages, with what their passwords hash to. */
const UserFile = Type.Object({
  version: Type.Literal(1),
  users: Type.Array(
    Type.Object({
      name: Type.String(),
      createdAt: Type.Number(),
      salt: Type.String({ minLength: 16, maxLength: 64 }),
      hash: Type.String({ minLength: 43, maxLength: 43 }),
      /** Of scrypt. The bound keeps a forged file from taking all memory. */
      cost: Type.Union([Type.Literal(2 ** 14), Type.Literal(2 ** 15), Type.Literal(2 ** 16)]),
    }),
    { maxItems: 1_000 },
  ),
});
type UserFile = Static<typeof UserFile>;

export type KeptUser = UserFile['users'][0];

const MOST = 1_000;
const NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const MIN_PASSWORD = 10;
const MAX_PASSWORD = 512;
/** 32 MB and some 50 ms, on a board half a second: a person's password can be guessed, so each guess must cost. */
const COST = 2 ** 15;
const HASH_BYTES = 32;
/** Without what is taken for something else when it is read aloud. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const MADE_LETTERS = 20;

const scryptAsync = promisify<string, string, number, object, Buffer>(scrypt);

export const usersPath = (dataDir: string): string => join(dataDir, 'users.json');

/** What the password of a user, or of nobody, comes to. */
export function hashOf(password: string, { salt, cost }: Pick<KeptUser, 'salt' | 'cost'>): Promise<Buffer> {
  return scryptAsync(password.normalize('NFC'), salt, HASH_BYTES, {
    N: cost,
    r: 8,
    p: 1,
    maxmem: 256 * cost * 8,
  });
}

export async function listUsers(dataDir: string): Promise<KeptUser[]> {
  const path = usersPath(dataDir);
  return parseUsers(path, await readIfThere(path));
}

/** Throws where it is not a file of this version. */
export function parseUsers(path: string, text: string | null): KeptUser[] {
  if (text === null) return [];
  const parsed: unknown = JSON.parse(text);
  if (Value.Check(UserFile, parsed)) return parsed.users;
  throw new Error(`${path} is not a file of users of version 1`);
}

/** Adds a user, or gives a known one a new password, which ends what was logged in with the old one. */
export async function addUser(
  dataDir: string,
  name: string,
  chosen: string | null,
  nowMs: number,
): Promise<{ name: string; password: string; isNew: boolean }> {
  if (!NAME.test(name))
    throw new WeirError(
      'WEIR_USAGE',
      `${JSON.stringify(name)} cannot be a user: letters, digits and . _ @ -`,
      {
        field: 'name',
      },
    );
  if (chosen !== null && (chosen.length < MIN_PASSWORD || chosen.length > MAX_PASSWORD))
    throw new WeirError('WEIR_USAGE', `a password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`);
  const password = chosen ?? made();
  const salt = randomBytes(16).toString('base64url');
  const hash = (await hashOf(password, { salt, cost: COST })).toString('base64url');
  const path = usersPath(dataDir);
  let isNew = true;
  await changeFile(path, (before) => {
    const users = parseUsers(path, before);
    const others = users.filter((one) => one.name !== name);
    isNew = others.length === users.length;
    if (others.length >= MOST)
      throw new WeirError('WEIR_USAGE', `there are ${MOST} users; remove some first`);
    return textOf([...others, { name, createdAt: nowMs, salt, hash, cost: COST }]);
  });
  return { name, password, isNew };
}

/** False when there was none of that name. What was logged in is closed within seconds. */
export async function removeUser(dataDir: string, name: string): Promise<boolean> {
  const path = usersPath(dataDir);
  let known = false;
  await changeFile(path, (before) => {
    const users = parseUsers(path, before);
    known = users.some((one) => one.name === name);
    return textOf(users.filter((one) => one.name !== name));
  });
  return known;
}

/** Four groups of five: 98 bits, and can be typed from paper. */
function made(): string {
  const letters = Array.from({ length: MADE_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return letters.replace(/.{5}(?=.)/g, '$&-');
}

const textOf = (users: KeptUser[]): string =>
  `${JSON.stringify({ version: 1, users } satisfies UserFile, null, 2)}\n`;
