import { openPlace } from '../backup/open-place.ts';
import { Repository } from '../backup/repository.ts';
import { restoreData } from '../board/index.ts';
import { WeirError } from '../contract/index.ts';
import { OF_PLACES, passphraseOf } from './backup.ts';
import { type Command, EXIT, type Invocation, needed, text } from './command.ts';
import { ProgressLine } from './progress-line.ts';

export const restoreCommand: Command = {
  name: 'restore',
  usage: 'restore FROM --data DIR [--backup ID] [--passphrase-file FILE]',
  summary:
    'Makes a data directory out of a backup, in a directory or at ssh://USER@HOST:PORT/DIR, and proves that every shard is in the state that was backed up. DIR is empty, or of a restore that was interrupted. Run it as the user that the appliance runs as.',
  options: {
    data: { type: 'string', value: 'DIR', help: 'the data directory that is made' },
    backup: {
      type: 'string',
      value: 'ID',
      help: 'which one, of weir backup FROM --list; the newest without it',
    },
    ...OF_PLACES,
  },
  run: restore,
};

async function restore(invocation: Invocation): Promise<number> {
  const from = invocation.args[0];
  if (!from)
    throw new WeirError(
      'WEIR_USAGE',
      'say where from, as in: weir restore /mnt/usb/weir --data /var/lib/weir',
    );
  const data = needed(invocation, 'data');
  const place = openPlace(from, text(invocation, 'ssh-config') ?? null);
  try {
    const repository = await Repository.open(place, passphraseOf(invocation), false);
    const id = await chosen(invocation, repository);
    const manifest = await repository.manifest(id);
    const line = new ProgressLine();
    const { hash, position } = await restoreData(repository, manifest, data, (what, done, of) =>
      line.show(what, done, of),
    );
    line.end();
    const { first, last } = manifest.log;
    if (invocation.json)
      process.stdout.write(`${JSON.stringify({ id, data, hash, position, log: { first, last } })}\n`);
    else
      process.stdout.write(
        `${data} is what ${manifest.site} was at ${new Date(manifest.createdAt).toISOString()}\nstate  ${hash} at record ${position}; the log goes to record ${last}\n`,
      );
    return EXIT.fine;
  } finally {
    await place.close();
  }
}

async function chosen(invocation: Invocation, repository: Repository): Promise<string> {
  const kept = await repository.kept();
  const asked = text(invocation, 'backup');
  const id = asked ?? kept[0];
  if (id !== undefined && kept.includes(id)) return id;
  throw new WeirError(
    'WEIR_NOT_FOUND',
    asked ? `there is no backup ${asked}` : 'no backup was ever finished there',
    {
      suggestion: 'See: weir backup FROM --list',
    },
  );
}
