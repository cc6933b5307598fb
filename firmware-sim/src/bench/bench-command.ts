import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ERRORS, isWeirError, WeirError } from '@weir/node/contract';
import { numberIn, wholeIn } from '../command/parse.ts';
import type { Bench, BenchDefinition, Outcome } from './bench.ts';
import { diskBench } from './disk.ts';
import { engineBench } from './engine.ts';
import { loadNote, machine } from './machine.ts';
import { memoryBench } from './memory.ts';
import { packsBench } from './packs.ts';
import { ASK_PAGES, pageAsker } from './page-asker.ts';
import { queryBench } from './query.ts';
import { recoveryBench } from './recovery.ts';
import { replayBench } from './replay.ts';
import { singlesBench } from './singles.ts';
import { tableOf } from './table.ts';

const BENCHES: BenchDefinition[] = [
  singlesBench,
  packsBench,
  replayBench,
  queryBench,
  memoryBench,
  diskBench,
  recoveryBench,
  engineBench,
];

const HELP = `weir bench [NAME…] [options]    measures this machine, beside the peers that are installed

${BENCHES.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join('\n')}

  --runs N        medians of so many runs (3)
  --scale X       share of the usual work (1); below 1 only tries the harness
  --only LIST     these servers alone: weir,mosquitto,victoria-metrics,influxdb
  --dir DIR       where data goes meanwhile (the system's temporary directory)
  --json          one JSON object on stdout
  --help

Without NAME it runs all. Talk goes to stderr, figures to stdout. Exit status 1: a server
failed; 6: a budget is missed.
`;

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  scale: { type: 'string', default: '1' },
  only: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const INTERRUPTED = 130;
const MISSED = 6;

/** `weir bench …`; answers the exit status. */
export async function benchCommand(args: string[]): Promise<number> {
  if (args[0] === ASK_PAGES) return pageAsker(args[1]);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void =>
    stop.abort(new WeirError('WEIR_BUSY', `Stopped by ${signal}.`));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await runAll(args, stop.signal);
  } catch (fault) {
    if (!isWeirError(fault)) throw fault;
    process.stderr.write(`weir bench: ${fault.message}\n`);
    return stop.signal.aborted ? INTERRUPTED : ERRORS[fault.code].exit;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function runAll(args: string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const wanted = positionals.length === 0 ? BENCHES : positionals.map(benchNamed);
  const root = mkdtempSync(join(values.dir ?? tmpdir(), 'weir-bench-'));
  // The children's own listeners for `exit` come later and end them; then nobody writes here any more.
  const clean = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', clean);
  let status = 0;
  try {
    for (const definition of wanted) {
      const bench = benchOf(values, definition, root, signal);
      bench.say(definition.summary);
      const busy = loadNote();
      const outcome = await definition.run(bench);
      if (busy !== null) outcome.notes.unshift(busy);
      if (outcome.failed.length > 0) status = 1;
      else if (outcome.ratios.some(({ met }) => met === false)) status ||= MISSED;
      tell(definition, outcome, values.json);
    }
  } finally {
    process.off('exit', clean);
    clean();
  }
  return status;
}

function benchOf(
  values: ReturnType<typeof parse>['values'],
  { name }: BenchDefinition,
  root: string,
  signal: AbortSignal,
): Bench {
  return {
    signal,
    say: (text) => process.stderr.write(`${name}: ${text}\n`),
    runs: wholeIn('runs', values.runs, 1, 100),
    scale: numberIn('scale', values.scale, 0.001, 100),
    only: values.only?.split(',') ?? null,
    directory: () => mkdtempSync(join(root, `${name}-`)),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new WeirError('WEIR_USAGE', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function benchNamed(name: string): BenchDefinition {
  const found = BENCHES.find((bench) => bench.name === name);
  if (found === undefined)
    throw new WeirError(
      'WEIR_USAGE',
      `There is no benchmark “${name}”; there are: ${BENCHES.map((bench) => bench.name).join(', ')}.`,
    );
  return found;
}

function tell({ name, summary }: BenchDefinition, outcome: Outcome, json: boolean): void {
  const told = { bench: name, date: new Date().toISOString().slice(0, 10), machine: machine(), ...outcome };
  process.stdout.write(
    json ? `${JSON.stringify(told)}\n` : `\n## ${name}: ${summary}\n\n${tableOf(outcome)}`,
  );
}
