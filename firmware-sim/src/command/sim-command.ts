import { once } from 'node:events';
import { ERRORS, isWeirError } from '@weir/node/contract';
import type { SimOptions } from '../run/options.ts';
import type { SimSample } from '../run/progress.ts';
import { messagesOf, runSim } from '../run/run-sim.ts';
import { type SimAsked, simArgs } from './sim-args.ts';
import { SIM_HELP } from './sim-help.ts';

const INTERRUPTED = 130;

/** `weir sim …`; answers the exit status. */
export async function simCommand(args: string[]): Promise<number> {
  try {
    const asked = simArgs(args);
    if (asked.help) process.stdout.write(SIM_HELP);
    else if (asked.print) await print(asked.options);
    else return await run(asked);
    return 0;
  } catch (fault) {
    if (!isWeirError(fault)) throw fault;
    process.stderr.write(`weir sim: ${fault.message}${fault.suggestion ? ` ${fault.suggestion}` : ''}\n`);
    if (fault.code === 'WEIR_USAGE') process.stderr.write('weir sim --help lists the options.\n');
    return ERRORS[fault.code].exit;
  }
}

async function run({ json, options }: SimAsked): Promise<number> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => stop.abort(signal);
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const done = await runSim(options, stop.signal, (sample) => tell('progress', sample, json));
    tell('done', done, json);
    if (done.acked < done.sent) return 1;
    return stop.signal.reason === 'SIGINT' ? INTERRUPTED : 0;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function tell(type: 'progress' | 'done', sample: SimSample, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify({ type, ...sample })}\n`);
  else process.stderr.write(`${sentence(type, sample)}\n`);
}

function sentence(type: 'progress' | 'done', sample: SimSample): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const ms = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} ms`);
  return [
    type === 'done' ? `done after ${sample.seconds.toFixed(1)} s` : `${Math.round(sample.seconds)} s`,
    `sent ${number(sample.sentReadings)}`,
    `acked ${number(sample.ackedReadings)}`,
    `${number(sample.readingsPerSecond)}/s`,
    `p50 ${ms(sample.p50Ms)}`,
    `p99 ${ms(sample.p99Ms)}`,
    new Date(sample.worldMs).toISOString(),
  ].join('  ');
}

/** Prints what would be sent, in its order and as fast as the reader takes it. */
async function print(options: SimOptions): Promise<void> {
  let readings = 0;
  for (const { sendMs, topic, payload, dup, readings: more } of messagesOf(options)) {
    if (readings >= options.count) return;
    readings += more;
    if (!process.stdout.write(`${JSON.stringify({ sendMs, topic, dup, payload })}\n`))
      await once(process.stdout, 'drain');
  }
}
