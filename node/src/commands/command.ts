import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import {
  type Command,
  ERRORS,
  type Invocation,
  isWeirError,
  type Option,
  WeirError,
} from '../contract/index.ts';

/** Data goes to stdout, talk to stderr, so that a command can stand in a pipe. */
export type { Command, Invocation, Option };

export const EXIT = Object.freeze({
  fine: 0,
  failed: 1,
  usage: 2,
  siteWrong: 3,
  unreachable: 4,
  notAllowed: 5,
  degraded: 6,
  tryAgain: 75,
  interrupted: 130,
});

const COMMON: Record<string, Option> = {
  json: { type: 'boolean', help: 'print JSON on stdout' },
  help: { type: 'boolean', help: 'show this', short: 'h' },
};

export async function runCommand(command: Command, argv: string[]): Promise<number> {
  const options = { ...command.options, ...COMMON };
  try {
    const { values, positionals } = parseArgs({
      args: joinDashed(argv, options),
      options: toParseArgs(options),
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(helpOf(command, options));
      return EXIT.fine;
    }
    return await command.run({
      options: values as Invocation['options'],
      args: positionals,
      json: values.json === true,
    });
  } catch (fault) {
    return report(command, fault, argv.includes('--json'));
  }
}

function toParseArgs(options: Record<string, Option>): ParseArgsOptionsConfig {
  const config: ParseArgsOptionsConfig = {};
  for (const [name, option] of Object.entries(options)) {
    config[name] = { type: option.type };
    if (option.default !== undefined) config[name].default = option.default;
    if (option.short !== undefined) config[name].short = option.short;
  }
  return config;
}

/** `--from -1h`: a time before now begins with a dash and is no option. */
function joinDashed(argv: string[], options: Record<string, Option>): string[] {
  const joined: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const option = argv[at].startsWith('--') ? options[argv[at].slice(2)] : undefined;
    if (option?.type === 'string' && /^-\d/.test(argv[at + 1] ?? ''))
      joined.push(`${argv[at]}=${argv[++at]}`);
    else joined.push(argv[at]);
  }
  return joined;
}

function helpOf(command: Command, options: Record<string, Option>): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const left = `${option.short ? `-${option.short}, ` : ''}--${name}${option.value ? ` ${option.value}` : ''}`;
    const preset = option.default !== undefined && option.default !== false ? ` (${option.default})` : '';
    return [left, `${option.help}${preset}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  return `weir ${command.usage}\n\n${command.summary}\n\nOptions\n${lines.join('\n')}\n`;
}

function report(command: Command, fault: unknown, json: boolean): number {
  if (isWeirError(fault)) {
    const hint = fault.suggestion ? ` ${fault.suggestion}` : '';
    if (json)
      process.stdout.write(`${JSON.stringify({ error: { code: fault.code, message: fault.message } })}\n`);
    process.stderr.write(`weir ${command.name}: ${fault.message}${hint} [${fault.code}]\n`);
    return ERRORS[fault.code].exit;
  }
  if (isParseArgsFault(fault)) {
    process.stderr.write(`weir ${command.name}: ${fault.message}\nSee: weir ${command.name} --help\n`);
    return EXIT.usage;
  }
  // A bug: its stack is what whoever mends it needs.
  process.stderr.write(
    `weir ${command.name}: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}\n`,
  );
  return EXIT.failed;
}

function isParseArgsFault(fault: unknown): fault is Error {
  return fault instanceof Error && 'code' in fault && String(fault.code).startsWith('ERR_PARSE_ARGS');
}

/** The text of an option, or a usage fault that names it. */
export function needed(invocation: Invocation, name: string): string {
  const value = invocation.options[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new WeirError('WEIR_USAGE', `--${name} is needed`, { field: name });
}

export function text(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** `HOST:PORT`; a bare port means loopback. IPv6 hosts stand in brackets. */
export function hostPort(value: string, option: string): { host: string; port: number } {
  const match = /^(?:(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(value);
  const port = match ? Number(match[3]) : Number.NaN;
  if (!match || !(port <= 65_535))
    throw new WeirError('WEIR_USAGE', `--${option} takes HOST:PORT, not ${JSON.stringify(value)}`, {
      field: option,
    });
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}
