import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUMS } from './checksums.ts';

/**
 * Builds a release twice, in two directories whose names differ in length, and compares every checksum:
 * `twice.ts --epoch SECONDS [--only x64]`. Exits 1 and names the files when one differs.
 */
const script = join(import.meta.dirname, './main.ts');
const build = (prefix: string): string[] => {
  const out = mkdtempSync(join(tmpdir(), prefix));
  try {
    const args = ['--disable-warning=ExperimentalWarning', script, '--out', out, ...process.argv.slice(2)];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    return readFileSync(join(out, SUMS), 'utf8').split('\n').filter(Boolean);
  } finally {
    rmSync(out, { recursive: true });
  }
};

const first = build('weir-once-');
const second = new Set(build('weir-once-more-'));
const differing = first.filter((line) => !second.has(line));
for (const line of differing) process.stderr.write(`differs: ${line.slice(66)}\n`);
process.stdout.write(`${first.length} files, ${first.length - differing.length} the same in both builds\n`);
process.exitCode = differing.length === 0 && first.length === second.size ? 0 : 1;
