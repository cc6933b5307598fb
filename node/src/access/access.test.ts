import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  addToken,
  addUser,
  digestOfToken,
  hashOf,
  listTokens,
  listUsers,
  parseTokens,
  parseUsers,
  removeToken,
} from './index.ts';

/** What lies on boards: a later weir reads it, and lets the same people in. */
const TOKENS = `{
  "version": 1,
  "tokens": [
    {
      "name": "first",
      "sha256": "eb499340c74719046b7b96fe0a66afaef75faf4922b9a6ed53b352ac6a1be365",
      "createdAt": 1767225600000
    }
  ]
}
`;
const USERS = `{
  "version": 1,
  "users": [
    {
      "name": "anna",
      "createdAt": 1767225600000,
      "salt": "c2FsdC1vZi10aGUtdGVzdA",
      "hash": "0puwTqd0GZeqMk9_hKa7XoAFq7XyiBzSnfTsw5Wrl5I",
      "cost": 32768
    }
  ]
}
`;

const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true });
});
function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-access-'));
  dirs.push(dir);
  return dir;
}

describe('the files of who may enter', () => {
  test('are read as version 1 wrote them', async () => {
    const [token] = parseTokens('tokens.json', TOKENS);
    expect(token.sha256).toBe(digestOfToken('weir_example').toString('hex'));
    const [user] = parseUsers('users.json', USERS);
    expect((await hashOf('correct horse battery', user)).toString('base64url')).toBe(user.hash);
  });

  test('are written as they were read, but for what was changed', async () => {
    const dir = directory();
    writeFileSync(join(dir, 'tokens.json'), TOKENS);
    await addToken(dir, 'second', 1);
    await removeToken(dir, 'second');
    expect(readFileSync(join(dir, 'tokens.json'), 'utf8')).toBe(TOKENS);
  });

  test('of another version are refused and left as they are', async () => {
    const dir = directory();
    for (const [name, change] of [
      ['tokens.json', () => addToken(dir, 'a', 1)],
      ['users.json', () => addUser(dir, 'a', 'long enough', 1)],
    ] as const) {
      writeFileSync(join(dir, name), '{"version":2}');
      await expect(change()).rejects.toThrow(/of version 1/);
      expect(readFileSync(join(dir, name), 'utf8')).toBe('{"version":2}');
    }
    expect(readdirSync(dir).sort()).toEqual(['tokens.json', 'users.json']);
  });

  test('a cost that would take all memory is refused', () => {
    expect(() => parseUsers('users.json', USERS.replace('32768', '1073741824'))).toThrow(/of version 1/);
  });

  test('changes made at once are all made', async () => {
    const dir = directory();
    const names = Array.from({ length: 12 }, (_, n) => `t${n}`);
    await Promise.all(names.map((name) => addToken(dir, name, 1)));
    expect((await listTokens(dir)).map(({ name }) => name).sort()).toEqual(names.toSorted());
    expect(await listUsers(dir)).toEqual([]);
  });

  test('a user who is added again has the new password alone', async () => {
    const dir = directory();
    expect(await addUser(dir, 'anna', null, 1)).toMatchObject({ isNew: true });
    const { password, isNew } = await addUser(dir, 'anna', null, 2);
    expect(isNew).toBe(false);
    const users = await listUsers(dir);
    expect(users).toHaveLength(1);
    expect((await hashOf(password, users[0])).toString('base64url')).toBe(users[0].hash);
  });
});
