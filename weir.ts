import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchCommand, simCommand } from '@weir/firmware-sim';
import * as node from '@weir/node/commands';

/** The list of commands. */

// Before anything uses libuv's pool, which is sized once.
process.env.UV_THREADPOOL_SIZE ??= String(node.threadPoolSize());

const root = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const parts: node.Parts = {
  version,
  gatewayEntry: new URL('./gateway/src/thread.ts', import.meta.url),
  uiDir: join(root, 'ui', 'dist'),
};

interface Entry {
  summary: string;
  run(argv: string[]): Promise<number>;
}

const of = (command: node.Command): Entry => ({
  summary: command.summary,
  run: (argv) => node.runCommand(command, argv),
});

const commands: Record<string, Entry> = {
  up: of(node.upCommand(parts)),
  check: of(node.checkCommand),
  query: of(node.queryCommand),
  tail: of(node.tailCommand),
  ledger: of(node.ledgerCommand),
  status: of(node.statusCommand),
  doctor: of(node.doctorCommand),
  device: of(node.deviceCommand),
  sim: { summary: 'Runs simulated devices of a world against a broker.', run: simCommand },
  bench: {
    summary:
      'Measures this machine, beside mosquitto, victoria-metrics and InfluxDB where they are installed.',
    run: benchCommand,
  },
};

function help(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `weir ${version}\n\nusage: weir COMMAND [--help]\n\n${lines.join('\n')}\n`;
}

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? node.EXIT.usage : node.EXIT.fine;
  }
  if (name === '--version' || name === 'version') {
    process.stdout.write(`${version}\n`);
    return node.EXIT.fine;
  }
  if (Object.hasOwn(commands, name)) return commands[name].run(argv);
  process.stderr.write(`weir: there is no command ${JSON.stringify(name)}\n${help()}`);
  return node.EXIT.usage;
}

// A reader that closes its end of the pipe, as `head` does, is no fault.
process.stdout.on('error', (fault: NodeJS.ErrnoException) => {
  if (fault.code === 'EPIPE') process.exit(node.EXIT.fine);
  throw fault;
});

process.exitCode = await main(process.argv.slice(2));
