import type { Command, Parts } from '@weir/node/commands';
import { placeOf, readShippedText } from '@weir/node/shipped';

/**
 * The list of commands. It runs as it stands, bundled as `dist/weir.mjs`, and in the one executable as `sea:///weir.mjs`:
 * what is loaded by address is named for all. A command loads its own code only, so that `weir check` does not wait for a broker.
 */
const bundled = import.meta.url.endsWith('.mjs');
const at = (source: string, inBundle: string) => new URL(bundled ? inBundle : source, import.meta.url);

const parts: Parts = {
  version: (
    JSON.parse(readShippedText(placeOf(at('./package.json', './package.json')))) as { version: string }
  ).version,
  shardEntry: at('./node/src/shard/thread-entry.ts', './shard-thread.mjs'),
  gatewayEntry: at('./gateway/src/thread.ts', './gateway-thread.mjs'),
  pages: at('./ui/dist/', '../ui/dist/'),
  shippedSite: at('./node/sites/utility.yaml', './sites/utility.yaml'),
};

interface Entry {
  summary: string;
  run(argv: string[]): Promise<number>;
}

const node = () => import('@weir/node/commands');
const sim = () => import('@weir/firmware-sim');
const provision = () => import('@weir/provision');

/** Their commands are run as those of the appliance are. */
const runner = async (command: Command, argv: string[]) => (await node()).runCommand(command, argv);

type Named = Awaited<ReturnType<typeof node>>;

const of = (summary: string, pick: (commands: Named) => Command): Entry => ({
  summary,
  run: async (argv) => {
    const commands = await node();
    return commands.runCommand(pick(commands), argv);
  },
});

const commands: Record<string, Entry> = {
  up: of('Runs the appliance: broker, engine and gateway in one.', (all) => all.upCommand(parts)),
  check: of('Reads a site file and reports every fault at once.', (all) => all.checkCommand),
  plan: of('What a site will need: disk, memory, processor, wear of the flash.', (all) => all.planCommand),
  query: of('Asks a rollup: its buckets, or the largest groups.', (all) => all.queryCommand),
  tail: of('Prints buckets as they change.', (all) => all.tailCommand),
  ledger: of('Where every reading went; fails when the sums disagree.', (all) => all.ledgerCommand),
  replay: of('Reads the log again: rebuilds, fills or corrects a rollup.', (all) => all.replayCommand),
  site: of('Compares and applies an edited site file while running.', (all) => all.siteCommand),
  export: of('Writes readings or buckets to a file.', (all) => all.exportCommand),
  import: of('Sends the readings of a file, as devices do.', (all) => all.importCommand),
  status: of('Shards, log, lag, storage, memory of a running appliance.', (all) => all.statusCommand),
  doctor: of('Looks for what is wrong, and says what to do.', (all) => all.doctorCommand),
  verify: of('Hashes of the whole state, to compare boards, runs and replays.', (all) =>
    all.verifyCommand(parts.shippedSite),
  ),
  swap: of('Records that a meter was changed.', (all) => all.swapCommand),
  backup: of('Copies everything that an appliance knows, while it runs.', (all) => all.backupCommand(parts)),
  restore: of('Makes a data directory out of a backup.', (all) => all.restoreCommand),
  device: of('Devices that may log in to the broker.', (all) => all.deviceCommand),
  user: of('People who log in to the pages.', (all) => all.userCommand),
  token: of('Access tokens for programs.', (all) => all.tokenCommand),
  cert: of('Looks at the certificates that a site names.', (all) => all.certCommand(parts.shippedSite)),
  provision: {
    summary: 'Keys, certificates, boards and devices of a site.',
    run: async (argv) => (await provision()).provisionCommand(argv, runner),
  },
  flash: {
    summary: 'Writes an image for a board: checks the disk, seeds it, reads it back.',
    run: async (argv) => runner((await provision()).flashCommand, argv),
  },
  sim: { summary: 'Runs simulated devices of a world.', run: async (argv) => (await sim()).simCommand(argv) },
  bench: {
    summary: 'Measures, beside servers from Debian.',
    run: async (argv) => (await sim()).benchCommand(argv),
  },
  completion: of('Prints completions for bash, zsh or fish.', (all) =>
    all.completionCommand(() => all.documentedOf(commands)),
  ),
  man: of('Prints the manual page.', (all) =>
    all.manCommand(parts.version, () => all.documentedOf(commands)),
  ),
};

function help(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return `weir ${parts.version}\n\nusage: weir COMMAND [--help]\n\n${lines.join('\n')}\n`;
}

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === 'version') {
    process.stdout.write(`${parts.version}\n`);
    return 0;
  }
  if (Object.hasOwn(commands, name)) return commands[name].run(argv);
  process.stderr.write(`weir: there is no command ${JSON.stringify(name)}\n${help()}`);
  return 2;
}

// A reader that closes its end of the pipe, as `head` does, is no fault.
process.stdout.on('error', (fault: NodeJS.ErrnoException) => {
  if (fault.code === 'EPIPE') process.exit(0);
  throw fault;
});

// libuv's pool serves fsync, scrypt and file reads of all threads, and is sized once, at its first use: with four
// threads log-ins would hold up a commit.
process.env.UV_THREADPOOL_SIZE ??= '8';

process.exitCode = await main(process.argv.slice(2));
