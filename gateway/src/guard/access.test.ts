import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addUser, removeUser } from '@weir/node/access';
import { describe, expect, test } from 'vitest';
import { type Started, withGateway } from '../testing/with-gateway.ts';
import { openAccessFiles } from './access-files.ts';

const RIGHT = 'weir_right';
const tokens = { verify: (token: string) => token === RIGHT };
const closed = (more = {}): Promise<Started> => withGateway({ open: false, tokens, ...more });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

function logIn({ get }: Started, token: string): Promise<Response> {
  return get('/api/v1/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
}

const cookieOf = (answer: Response): string => answer.headers.get('set-cookie')!.split(';')[0];

describe('without open', () => {
  test.each([
    '/api/v1/site',
    '/api/v1/status',
    '/api/v1/rollups/usage',
    '/api/v1/rollups/usage/top?measure=kwh',
    '/api/v1/streams/gas/events',
    '/api/v1/ledger',
    '/api/v1/quarantine',
    '/api/v1/live?rollup=usage',
    '/api/v1/openapi.json',
    '/metrics',
    '/%61pi/v1/site',
  ])('%s needs a token', async (path) => {
    const { get } = await closed();
    const answer = await get(path);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    expect((await answer.json()).error.code).toBe('WEIR_LOGIN_NEEDED');
  });

  test('a supervisor needs none for health, readiness and version', async () => {
    const { get } = await closed();
    for (const path of ['/healthz', '/readyz', '/version']) expect((await get(path)).status).toBe(200);
  });

  test('a right token opens, a wrong one and one in the address do not', async () => {
    const { get } = await closed();
    expect((await get('/api/v1/site', bearer(RIGHT))).status).toBe(200);
    expect((await get('/api/v1/site', bearer('wrong'))).status).toBe(401);
    expect((await get(`/api/v1/site?token=${RIGHT}`)).status).toBe(401);
  });

  test('wrong tokens are slowed, yet a token that was right before still passes', async () => {
    const { get } = await closed({ limits: { wrongTokensPerMinute: 3 } });
    expect((await get('/api/v1/site', bearer(RIGHT))).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await get('/api/v1/site', bearer(`guess${i}`))).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await get('/api/v1/site', bearer(RIGHT))).status).toBe(200);
  });

  test('no address but loopback is served without a token, and none at all with open', async () => {
    const listen = { host: '0.0.0.0', port: 0 };
    await expect(closed({ listen, tokens: null })).rejects.toMatchObject({ code: 'WEIR_NOT_ALLOWED' });
    await expect(closed({ listen, open: true })).rejects.toMatchObject({ code: 'WEIR_NOT_ALLOWED' });
  });
});

describe('a log-in', () => {
  test('gives a cookie that scripts and other sites cannot use, and that opens', async () => {
    const started = await closed();
    const answer = await logIn(started, RIGHT);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(/^weir_session=[\w-]{43}; .*HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookieOf(answer) };
    expect((await started.get('/api/v1/site', { headers })).status).toBe(200);
  });

  test('with a wrong token gives none', async () => {
    const answer = await logIn(await closed(), 'wrong');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  test('row 62: a session that the client made up is none, and one that ended stays ended', async () => {
    const started = await closed();
    const madeUp = { cookie: `weir_session=${'A'.repeat(43)}` };
    expect((await started.get('/api/v1/site', { headers: madeUp })).status).toBe(401);
    const headers = { cookie: cookieOf(await logIn(started, RIGHT)) };
    expect((await started.get('/api/v1/logout', { method: 'POST', headers })).status).toBe(200);
    expect((await started.get('/api/v1/site', { headers })).status).toBe(401);
  });

  test('ends when its time is over, and when its token is revoked', async () => {
    let now = 0;
    let revoked = false;
    const started = await closed({
      now: () => now,
      limits: { sessionMs: 1_000 },
      tokens: { verify: (token: string) => token === RIGHT && !revoked },
    });
    const headers = { cookie: cookieOf(await logIn(started, RIGHT)) };
    const status = async () => (await started.get('/api/v1/site', { headers })).status;
    expect(await status()).toBe(200);
    revoked = true;
    expect(await status()).toBe(401);
    revoked = false;
    now = 2_000;
    expect(await status()).toBe(401);
  });

  test.each([
    ['{"token":'],
    ['{}'],
    ['{"token":5}'],
    ['[]'],
    [''],
    ['{"user":"anna"}'],
    ['{"token":"x","user":"anna","password":"y"}'],
  ])('with the body %j is a 400', async (body) => {
    const { get } = await closed();
    const headers = { 'content-type': 'application/json' };
    const answer = await get('/api/v1/login', { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.code).toBe('WEIR_BAD_QUESTION');
  });
});

describe('the token file', () => {
  const directory = () => mkdtempSync(join(tmpdir(), 'weir-tokens-'));

  test('is made once, for its owner alone, and holds no token in clear', async () => {
    const dir = directory();
    const { firstToken, tokens: made } = await openAccessFiles(dir);
    expect(made.verify(firstToken!)).toBe(true);
    expect(made.verify(`${firstToken}x`)).toBe(false);
    const path = join(dir, 'tokens.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain(firstToken!);
    const again = await openAccessFiles(dir);
    expect(again.firstToken).toBeNull();
    expect(again.tokens.verify(firstToken!)).toBe(true);
  });

  test('is read again when it changes', async () => {
    const dir = directory();
    let now = 0;
    const { firstToken, tokens: made } = await openAccessFiles(dir, () => now);
    const sha256 = createHash('sha256').update('second').digest('hex');
    const content = { version: 1, tokens: [{ name: 'second', sha256, createdAt: 1 }] };
    writeFileSync(join(dir, 'tokens.json'), JSON.stringify(content));
    now = 10_000;
    expect(made.verify('second')).toBe(true);
    expect(made.verify(firstToken!)).toBe(false);
    rmSync(join(dir, 'tokens.json'));
    now = 20_000;
    expect(made.verify('second')).toBe(false);
  });

  test('of another shape is refused, not replaced', async () => {
    const dir = directory();
    writeFileSync(join(dir, 'tokens.json'), '{"version":2}');
    await expect(openAccessFiles(dir)).rejects.toThrow(/not a token file/);
  });
});

describe('users', () => {
  const password = 'a long password';

  async function opened(now: () => number = Date.now) {
    const dir = mkdtempSync(join(tmpdir(), 'weir-users-'));
    await addUser(dir, 'anna', password, 0);
    const files = await openAccessFiles(dir, now);
    expect(files.firstToken).toBeNull();
    const started = await closed({
      tokens: files.tokens,
      users: files.users,
      limits: { wrongTokensPerMinute: 3 },
    });
    const enter = (user: string, secret: string) =>
      started.get('/api/v1/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user, password: secret }),
      });
    return { dir, started, enter };
  }

  test('log in with their password, which stands nowhere in clear', async () => {
    const { dir, started, enter } = await opened();
    const answer = await enter('anna', password);
    expect(answer.status).toBe(200);
    const headers = { cookie: cookieOf(answer) };
    expect((await started.get('/api/v1/site', { headers })).status).toBe(200);
    expect(statSync(join(dir, 'users.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, 'users.json'), 'utf8')).not.toContain(password);
    // A password is no token.
    expect((await started.get('/api/v1/site', bearer(password))).status).toBe(401);
  });

  test('row 54: who guesses is slowed, and a password that was right before still passes', async () => {
    const { enter } = await opened();
    expect((await enter('anna', password)).status).toBe(200);
    const statuses: number[] = [];
    for (const user of ['anna', 'nobody', 'anna', 'anna']) statuses.push((await enter(user, 'guess')).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    expect((await enter('anna', password)).status).toBe(200);
  });

  test('are logged out when they are removed, and when they get another password', async () => {
    let now = 0;
    const { dir, started, enter } = await opened(() => now);
    const status = async (headers: Record<string, string>) =>
      (await started.get('/api/v1/site', { headers })).status;
    const first = { cookie: cookieOf(await enter('anna', password)) };
    await addUser(dir, 'anna', 'another password', 0);
    now = 10_000;
    expect(await status(first)).toBe(401);
    expect((await enter('anna', password)).status).toBe(401);
    const second = { cookie: cookieOf(await enter('anna', 'another password')) };
    expect(await status(second)).toBe(200);
    await removeUser(dir, 'anna');
    now = 20_000;
    expect(await status(second)).toBe(401);
  });
});
