import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Appliance, until, weir } from './appliance.ts';
import { finallyDo, temporaryDir } from './harness.ts';

/** An appliance as it is out of the box, and the commands that say who may enter while it runs. */
const LONG = 180_000;
let running: Appliance;
let data: string;

beforeAll(async () => {
  data = await temporaryDir();
  running = await Appliance.start({ data, open: false });
  finallyDo(() => running.kill());
}, LONG);

const run = (...args: string[]) => weir(...args, '--data', data, '--json');

async function json(...args: string[]) {
  const { status, stdout, stderr } = await run(...args);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const status = async (headers: Record<string, string>) =>
  (await fetch(new URL('/api/v1/site', running.http), { headers })).status;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function logIn(user: string, password: string): Promise<Response> {
  return fetch(new URL('/api/v1/login', running.http), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, password }),
  });
}

/** Nothing that lies in the data directory, the log of readings included, holds the secret. */
function expectNowhere(secret: string): void {
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  for (const { parentPath, name } of files)
    expect(readFileSync(join(parentPath, name)).includes(secret), name).toBe(false);
}

describe('weir token', () => {
  test(
    'makes a token that opens a running appliance, lists it without telling it, and takes it back',
    async () => {
      expect(await status(bearer(running.token!))).toBe(200);
      const { token } = await json('token', 'add', 'grafana');
      expect(await status(bearer(token))).toBe(200);
      const { tokens } = await json('token', 'list');
      expect(tokens.map(({ name }: { name: string }) => name)).toEqual(['first', 'grafana']);
      expect(JSON.stringify(tokens)).not.toContain(token);
      expectNowhere(token);
      expect((await run('token', 'add', 'grafana')).status).toBe(2);
      await json('token', 'remove', 'grafana');
      await until('the removed token to open nothing', async () => (await status(bearer(token))) !== 200);
      expect((await run('token', 'remove', 'grafana')).status).toBe(1);
      expect(await status(bearer(running.token!))).toBe(200);
    },
    LONG,
  );

  test('takes no name that would break a table or a path', async () => {
    for (const name of ['../x', 'a b', 'x'.repeat(65)])
      expect((await run('token', 'add', name)).status).toBe(2);
  });
});

describe('weir user', () => {
  test(
    'makes a user who logs in while it runs, and whose session ends with the user',
    async () => {
      const { password } = await json('user', 'add', 'anna');
      expect(password).toMatch(/^(?:[a-z2-9]{5}-){3}[a-z2-9]{5}$/);
      const answer = await logIn('anna', password);
      expect(answer.status).toBe(200);
      const cookie = answer.headers.get('set-cookie')!.split(';')[0];
      expect(await status({ cookie })).toBe(200);
      expectNowhere(password);
      const { users } = await json('user', 'list');
      expect(Object.keys(users[0])).toEqual(['name', 'createdAt']);
      await json('user', 'remove', 'anna');
      await until('anna to be logged out', async () => (await status({ cookie })) === 401);
    },
    LONG,
  );

  test(
    'takes a password from a file, and no short one',
    async () => {
      const file = join(await temporaryDir(), 'password');
      writeFileSync(file, 'short\n');
      expect((await run('user', 'add', 'bert', '--password-file', file)).status).toBe(2);
      writeFileSync(file, 'a long password\nwith a second line\n');
      expect(await json('user', 'add', 'bert', '--password-file', file)).toEqual({
        name: 'bert',
        isNew: true,
      });
      expect((await logIn('bert', 'a long password')).status).toBe(200);
    },
    LONG,
  );
});

describe('weir cert', () => {
  const made = (dir: string, name: string, days: number) =>
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', `/CN=${name}`, '-days', String(days)],
        ...['-addext', `subjectAltName=DNS:${name}`],
        ...['-keyout', join(dir, `${name}.key`), '-out', join(dir, `${name}.crt`)],
      ],
      { stdio: 'ignore' },
    );

  test(
    'tells whose certificates a site serves and how long, and exits 6 where one will not do',
    async () => {
      const dir = await temporaryDir();
      made(dir, 'weir.lan', 400);
      made(dir, 'other.lan', 10);
      const site = join(dir, 'site.yaml');
      const shipped = readFileSync(join(import.meta.dirname, 'site.yaml'), 'utf8');
      const write = (cert: string, key: string) =>
        writeFileSync(
          site,
          `${shipped}\nhttp: { tls: { cert: ${join(dir, cert)}, key: ${join(dir, key)} } }\n`,
        );
      write('weir.lan.crt', 'weir.lan.key');
      const { certificates } = await json('cert', site);
      expect(certificates).toMatchObject([
        { for: 'http', names: 'DNS:weir.lan', daysLeft: 399, fault: null },
      ]);
      write('other.lan.crt', 'other.lan.key');
      expect(await run('cert', site)).toMatchObject({
        status: 6,
        stdout: expect.stringContaining('runs out'),
      });
      write('weir.lan.crt', 'other.lan.key');
      expect(await run('cert', site)).toMatchObject({
        status: 6,
        stdout: expect.stringContaining('not its key'),
      });
      write('weir.lan.crt', 'none.key');
      expect(await run('cert', site)).toMatchObject({ status: 3 });
    },
    LONG,
  );
});
