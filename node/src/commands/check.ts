import { readFileSync } from 'node:fs';
import { formatFaults, parseSite, WeirError } from '../contract/index.ts';
import { type Command, EXIT } from './command.ts';

export const checkCommand: Command = {
  name: 'check',
  usage: 'check SITE',
  summary: 'Reads a site file and reports every fault at once, each with its line, column and a suggestion.',
  options: {},
  async run({ args, json }) {
    const path = args[0];
    if (!path) throw new WeirError('WEIR_USAGE', 'name the site file, as in: weir check site.yaml');
    const { site, faults } = parseSite(readText(path), path);
    if (json) process.stdout.write(`${JSON.stringify({ file: path, faults })}\n`);
    else if (site)
      process.stdout.write(
        `${path} is fine: ${site.streams.length} streams, ${site.rollups.length} rollups\n`,
      );
    else process.stderr.write(formatFaults(faults));
    return site ? EXIT.fine : EXIT.siteWrong;
  },
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new WeirError('WEIR_USAGE', `cannot read ${path}: ${why}`, { cause });
  }
}
