import { readFileSync } from 'node:fs';
import { openPlace } from '../backup/open-place.ts';
import { Repository } from '../backup/repository.ts';
import { backUpData } from '../board/index.ts';
import { bytesText, WeirError } from '../contract/index.ts';
import { type Command, EXIT, type Invocation, type Option, text } from './command.ts';
import { ProgressLine } from './progress-line.ts';
import { siteOfData } from './read-site.ts';
import { table } from './table.ts';

export const OF_PLACES: Record<string, Option> = {
  'ssh-config': { type: 'string', value: 'FILE', help: 'of ssh, for ssh://…: which key, which known hosts' },
  'passphrase-file': { type: 'string', value: 'FILE', help: 'its first line encrypts, or opens, the backup' },
};

export function backupCommand(parts: { version: string; shippedSite: URL }): Command {
  return {
    name: 'backup',
    usage: 'backup TO [--data DIR] [--passphrase-file FILE] [--keep N] | backup TO --list | --check',
    summary: `Copies everything that an appliance knows, also while it runs. TO is a directory (a USB disk, a network mount) or ssh://USER@HOST:PORT/DIR. What is there already is not copied again; an interrupted backup is started again and goes on.`,
    options: {
      data: { type: 'string', value: 'DIR', help: 'the data directory', default: './weir-data' },
      ...OF_PLACES,
      keep: { type: 'string', value: 'N', help: 'afterwards forget all backups but the newest N' },
      list: { type: 'boolean', help: 'list the backups that there are' },
      check: {
        type: 'boolean',
        help: 'read every piece of them; damaged ones are removed and copied anew later',
      },
    },
    run: (invocation) => backup(invocation, parts),
  };
}

async function backup(invocation: Invocation, parts: { version: string; shippedSite: URL }): Promise<number> {
  const to = invocation.args[0];
  if (!to) throw new WeirError('WEIR_USAGE', 'say where to, as in: weir backup /mnt/usb/weir');
  const keep = keepOf(invocation);
  const reads = invocation.options.list === true || invocation.options.check === true;
  const place = openPlace(to, text(invocation, 'ssh-config') ?? null);
  try {
    const repository = await Repository.open(place, passphraseOf(invocation), !reads);
    if (invocation.options.list === true) return await list(invocation, repository);
    if (invocation.options.check === true) return await check(invocation, repository);
    return await make(invocation, repository, parts, keep);
  } finally {
    await place.close();
  }
}

async function make(
  invocation: Invocation,
  repository: Repository,
  { version, shippedSite }: { version: string; shippedSite: URL },
  keep: number | null,
): Promise<number> {
  const data = text(invocation, 'data') ?? './weir-data';
  const site = siteOfData(data, undefined, shippedSite);
  const line = new ProgressLine();
  const startedMs = performance.now();
  const { id, manifest } = await backUpData(
    data,
    site,
    repository,
    { weir: version, nowMs: Date.now() },
    (what, done, of) => line.show(what, done, of),
  );
  line.end();
  const pruned = keep === null ? { backups: 0, objects: 0 } : await repository.prune(keep);
  const { copied, shared } = repository;
  const outcome = {
    id,
    log: { first: manifest.log.first, last: manifest.log.last },
    copied,
    shared,
    pruned,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  };
  if (invocation.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  else
    process.stdout.write(
      `${id}\nrecords ${outcome.log.first} to ${outcome.log.last}; ${copied.objects} pieces (${bytesText(copied.bytes)}) copied, ${shared.objects} were there; ${outcome.seconds} s\n`,
    );
  return EXIT.fine;
}

async function list(invocation: Invocation, repository: Repository): Promise<number> {
  const backups: {
    id: string;
    createdAt: number;
    site: string;
    weir: string;
    first: number;
    last: number;
  }[] = [];
  for (const id of await repository.kept()) {
    const { createdAt, site, weir, log } = await repository.manifest(id);
    backups.push({ id, createdAt, site, weir, first: log.first, last: log.last });
  }
  if (invocation.json) process.stdout.write(`${JSON.stringify({ backups })}\n`);
  else
    process.stdout.write(
      table(
        ['backup', 'made', 'site', 'weir', 'first record', 'last record'],
        backups.map(({ id, createdAt, site, weir, first, last }) => [
          id,
          new Date(createdAt).toISOString(),
          site,
          weir,
          first,
          last,
        ]),
      ),
    );
  return EXIT.fine;
}

async function check(invocation: Invocation, repository: Repository): Promise<number> {
  const { objects, damaged } = await repository.check();
  if (invocation.json) process.stdout.write(`${JSON.stringify({ objects, damaged })}\n`);
  else {
    process.stdout.write(`${objects} pieces read, ${damaged.length} damaged\n`);
    for (const object of damaged) process.stdout.write(`${object}\n`);
  }
  return damaged.length === 0 ? EXIT.fine : EXIT.degraded;
}

function keepOf(invocation: Invocation): number | null {
  const given = text(invocation, 'keep');
  if (given === undefined) return null;
  const keep = Number(given);
  if (Number.isSafeInteger(keep) && keep >= 1) return keep;
  throw new WeirError('WEIR_USAGE', `--keep takes a number of backups, not ${JSON.stringify(given)}`, {
    field: 'keep',
  });
}

export function passphraseOf(invocation: Invocation): string | null {
  const file = text(invocation, 'passphrase-file');
  if (file === undefined) return null;
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0];
  } catch (cause) {
    throw new WeirError(
      'WEIR_USAGE',
      `cannot read the passphrase: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
