import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { executable, unpackedForArmhf } from './program.ts';
import { smoke } from './smoke.ts';

/**
 * Tries a release on all its architectures, those of ARM emulated: `node test/package/main.ts [dist/package]`, after
 * `npm run package`. It says what it measured, and ends with 1 at the first thing that is not as it should be.
 */
const release = process.argv[2] ?? 'dist/package';
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const unpacked = mkdtempSync(join(tmpdir(), 'weir-armhf-'));
try {
  const native = await executable(release, version, process.arch === 'arm64' ? 'arm64' : 'x64');
  execFileSync('dpkg-deb', ['--extract', join(release, `weir_${version}_armhf.deb`), unpacked]);
  const others = [await executable(release, version, 'arm64'), await unpackedForArmhf(unpacked)];
  for (const program of [native, ...others.filter(({ name }) => name !== native.name)]) {
    const { name, readyMs, againMs, hash } = await smoke(program, native);
    const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
    process.stdout.write(
      `${name.padEnd(6)} listens after ${seconds(readyMs)}, after kill -9 ${seconds(againMs)}; state ${hash.slice(0, 16)}\n`,
    );
  }
} finally {
  rmSync(unpacked, { recursive: true });
}
