import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultsOfRelease, SIGNATURE, SUMS, signChecksums, writeChecksums } from './checksums.ts';
import { makeReleaseKey } from './release-key.ts';

function release(): { dir: string; key: string; public: string } {
  const root = mkdtempSync(join(tmpdir(), 'weir-release-'));
  const dir = join(root, 'package');
  mkdirSync(join(dir, 'linux'), { recursive: true });
  writeFileSync(join(dir, 'linux', 'weir'), 'program');
  writeFileSync(join(dir, 'bill.json'), '{}');
  const key = makeReleaseKey(join(root, 'release.key'));
  writeChecksums(dir);
  signChecksums(dir, key.key);
  return { dir, ...key };
}

test('a signed release has no faults, and sha256sum would say the same', () => {
  const { dir, public: publicFile } = release();
  expect(faultsOfRelease(dir, publicFile)).toEqual([]);
  expect(readFileSync(join(dir, SUMS), 'utf8')).toMatch(
    /^44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a {2}bill\.json\n[0-9a-f]{64} {2}linux\/weir\n$/,
  );
});

test('openssl checks the same signature', () => {
  const { dir, public: publicFile } = release();
  const files = ['-in', join(dir, SUMS), '-sigfile', join(dir, SIGNATURE)];
  const args = ['pkeyutl', '-verify', '-pubin', '-inkey', publicFile, '-rawin', ...files];
  expect(execFileSync('openssl', args, { encoding: 'utf8' })).toContain('Verified Successfully');
  appendFileSync(join(dir, SUMS), '\n');
  expect(() => execFileSync('openssl', args, { stdio: 'ignore' })).toThrow();
});

test('a changed, an added and a removed file are named', () => {
  const changed = release();
  appendFileSync(join(changed.dir, 'linux', 'weir'), '!');
  expect(faultsOfRelease(changed.dir, changed.public)).toEqual(['linux/weir is not what was signed']);
  writeFileSync(join(changed.dir, 'more'), '');
  expect(faultsOfRelease(changed.dir, changed.public)).toContain('more is not in SHA256SUMS');
});

test('checksums that were written anew, and another key, are refused', () => {
  const one = release();
  appendFileSync(join(one.dir, 'linux', 'weir'), '!');
  writeChecksums(one.dir);
  expect(faultsOfRelease(one.dir, one.public)).toHaveLength(1);
  const other = release();
  expect(faultsOfRelease(other.dir, one.public)[0]).toContain(`${SIGNATURE} does not fit`);
});

test('the key is for its owner alone, is never replaced, and is refused when others may read it', () => {
  const { dir, key } = release();
  expect(statSync(key).mode & 0o777).toBe(0o600);
  expect(() => makeReleaseKey(key)).toThrow('EEXIST');
  chmodSync(key, 0o640);
  expect(() => signChecksums(dir, key)).toThrow('chmod 600');
});
