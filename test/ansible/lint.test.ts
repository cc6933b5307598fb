import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

/** The plays, the YAML and the shell scripts of boards, held to the strictest rules of their own checkers. */
const ROOT = join(import.meta.dirname, '..', '..');
const ANSIBLE = join(ROOT, 'ansible');
/** A machine that runs other tests besides is slow. */
const LINT_MS = 240_000;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-lint-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

function ran(line: string[]): { status: number | null; says: string } {
  const { status, stdout, stderr } = spawnSync(line[0], line.slice(1), {
    cwd: ANSIBLE,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', ANSIBLE_HOME: home, XDG_CACHE_HOME: home, NO_COLOR: '1' },
  });
  return { status, says: `${stdout}${stderr}` };
}

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean);

describe('the plays', () => {
  test('pass ansible-lint in its production profile', { timeout: LINT_MS }, () => {
    const { status, says } = ran(['ansible-lint', '--offline', '--nocolor', '--profile', 'production']);
    expect(status, says).toBe(0);
  });

  test('pass yamllint, warnings included', { timeout: LINT_MS }, () => {
    expect(ran(['yamllint', '--strict', '.'])).toEqual({ status: 0, says: '' });
  });

  test('say what each role takes: every default has a specification', { timeout: LINT_MS }, () => {
    for (const file of tracked.filter((one) => /^ansible\/roles\/\w+\/defaults\/main\.yml$/.test(one))) {
      const role = file.split('/')[2];
      const defaults = Object.keys(parse(readFileSync(join(ROOT, file), 'utf8')));
      const specs = parse(readFileSync(join(ROOT, `ansible/roles/${role}/meta/argument_specs.yml`), 'utf8'));
      expect(Object.keys(specs.argument_specs.main.options).sort(), role).toEqual(defaults.sort());
    }
  });
});

test('shell scripts pass shellcheck', { timeout: LINT_MS }, () => {
  const scripts = tracked.filter((file) => {
    if (/\.(?:ts|tsx|json|md|ya?ml|j2|css|html|svg|png|c)$/.test(file)) return false;
    return /^#!.*\b(?:ba|da)?sh\b/.test(readFileSync(join(ROOT, file), 'utf8').slice(0, 80));
  });
  expect(scripts).toContain('ansible/roles/weir/files/weir-release');
  const { status, says } = ran(['shellcheck', ...scripts.map((file) => join(ROOT, file))]);
  expect(status, says).toBe(0);
});
