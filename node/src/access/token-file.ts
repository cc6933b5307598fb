import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { WeirError } from '../contract/index.ts';
import { changeFile, readIfThere } from './change-file.ts';

/** Access tokens by name. The file holds digests: what a token is was shown once. */
const TokenFile = Type.Object({
  version: Type.Literal(1),
  tokens: Type.Array(
    Type.Object({
      name: Type.String(),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      createdAt: Type.Number(),
    }),
    { maxItems: 1_000 },
  ),
});
type TokenFile = Static<typeof TokenFile>;

export type KeptToken = TokenFile['tokens'][0];

const MOST = 1_000;
const NAME = /^[A-Za-z0-9._@-]{1,64}$/;

export const tokensPath = (dataDir: string): string => join(dataDir, 'tokens.json');

export const digestOfToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** No file is the same as an empty one. */
export async function listTokens(dataDir: string): Promise<KeptToken[]> {
  const path = tokensPath(dataDir);
  return parseTokens(path, await readIfThere(path));
}

/** Throws where it is not a file of this version. */
export function parseTokens(path: string, text: string | null): KeptToken[] {
  if (text === null) return [];
  const parsed: unknown = JSON.parse(text);
  if (Value.Check(TokenFile, parsed)) return parsed.tokens;
  throw new Error(`${path} is not a token file of version 1; move it away to have a new first token made`);
}

/** Answers the token, which is kept nowhere: 256 random bits, so that a plain digest of it is enough. */
export async function addToken(dataDir: string, name: string, nowMs: number): Promise<string> {
  if (!NAME.test(name))
    throw new WeirError(
      'WEIR_USAGE',
      `${JSON.stringify(name)} cannot name a token: letters, digits and . _ @ -`,
      {
        field: 'name',
      },
    );
  const token = `weir_${randomBytes(32).toString('base64url')}`;
  const path = tokensPath(dataDir);
  await changeFile(path, (before) => {
    const tokens = parseTokens(path, before);
    if (tokens.some((one) => one.name === name))
      throw new WeirError('WEIR_USAGE', `there is a token ${name} already`, {
        field: 'name',
        suggestion: 'Choose another name, or remove that one first.',
      });
    if (tokens.length >= MOST)
      throw new WeirError('WEIR_USAGE', `there are ${MOST} tokens; remove some first`);
    const sha256 = digestOfToken(token).toString('hex');
    return textOf([...tokens, { name, sha256, createdAt: nowMs }]);
  });
  return token;
}

/** False when there was none of that name. What it opened is closed within seconds. */
export async function removeToken(dataDir: string, name: string): Promise<boolean> {
  const path = tokensPath(dataDir);
  let known = false;
  await changeFile(path, (before) => {
    const tokens = parseTokens(path, before);
    known = tokens.some((one) => one.name === name);
    return textOf(tokens.filter((one) => one.name !== name));
  });
  return known;
}

const textOf = (tokens: KeptToken[]): string =>
  `${JSON.stringify({ version: 1, tokens } satisfies TokenFile, null, 2)}\n`;
