import { parseArgs } from 'node:util';
import { faultsOfRelease, signChecksums, writeChecksums } from './checksums.ts';
import { makeReleaseKey } from './release-key.ts';

/** `release.ts key FILE`, `release.ts sign DIR KEY`, `release.ts verify DIR KEY.pub`; exits 1 when something is wrong. */
const USAGE = 'usage: release.ts key FILE | sign DIR KEY | verify DIR KEY.pub\n';

const { positionals } = parseArgs({ allowPositionals: true });
const [what, place, key] = positionals;
const say = (line: string) => process.stdout.write(`${line}\n`);

if (what === 'key' && place !== undefined) {
  const made = makeReleaseKey(place);
  say(`${made.key}  keep it secret; whoever has it can sign releases`);
  say(`${made.public}  give it to those who verify`);
} else if (what === 'sign' && key !== undefined) {
  writeChecksums(place);
  signChecksums(place, key);
} else if (what === 'verify' && key !== undefined) {
  const faults = faultsOfRelease(place, key);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length === 0) say('Every file is what was signed.');
  process.exitCode = faults.length === 0 ? 0 : 1;
} else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
