import type { Replay, ReplaysAnswer } from '../contract/index.ts';
import { WeirError } from '../contract/index.ts';
import { ask, tell, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { replaysText, replayText } from './replay-text.ts';

const POLL_MS = 500;

export const replayCommand: Command = {
  name: 'replay',
  usage: 'replay ROLLUP [--from TIME] [--to TIME] [--apply] | replay list | replay show|apply|cancel ID',
  summary:
    'Reads the log again for a rollup, beside the one that is served, and reports what differs. Nothing changes before it is applied; what raw readings no longer cover stays as it is. It goes on in the background when this command is ended. Exit status 6 when differences are left.',
  options: {
    ...URL_OPTIONS,
    from: { type: 'string', value: 'TIME', help: 'event time to begin at; without it all that raw covers' },
    to: { type: 'string', value: 'TIME', help: 'event time to end at; without it there is no end' },
    apply: { type: 'boolean', help: 'apply the differences without asking' },
    'no-wait': { type: 'boolean', help: 'begin, and do not wait for the report' },
  },
  async run(invocation) {
    const { args, json } = invocation;
    if (args[0] === 'list' && args.length === 1) {
      const answer = await ask<ReplaysAnswer>(invocation, '/api/v1/replays');
      process.stdout.write(json ? `${JSON.stringify(answer)}\n` : replaysText(answer.replays));
      return EXIT.fine;
    }
    const begun = await beginOrTouch(invocation);
    const waits = invocation.options['no-wait'] !== true;
    const replay = waits ? await ended(invocation, begun) : begun;
    process.stdout.write(json ? `${JSON.stringify(replay)}\n` : replayText(replay));
    if (replay.state === 'failed') return EXIT.failed;
    return replay.state === 'ready' && replay.differences > 0 ? EXIT.degraded : EXIT.fine;
  },
};

async function beginOrTouch(invocation: Invocation): Promise<Replay> {
  const [first, second] = invocation.args;
  if (second !== undefined) return touch(invocation, first, idOf(second));
  if (first === undefined)
    throw new WeirError('WEIR_USAGE', 'name a rollup, as in: weir replay usage', { field: 'ROLLUP' });
  const { from, to } = { from: text(invocation, 'from'), to: text(invocation, 'to') };
  return tell<Replay>(invocation, 'POST', '/api/v1/replays', {
    rollup: first,
    apply: invocation.options.apply === true,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
}

function touch(invocation: Invocation, action: string, id: number): Promise<Replay> {
  const path = `/api/v1/replays/${id}`;
  switch (action) {
    case 'show':
      return ask<Replay>(invocation, path);
    case 'apply':
      return tell<Replay>(invocation, 'POST', `${path}/apply`);
    case 'cancel':
      return tell<Replay>(invocation, 'DELETE', path);
    default:
      throw new WeirError('WEIR_USAGE', `a replay can be shown, applied or cancelled, not: ${action}`);
  }
}

function idOf(given: string): number {
  const id = Number(given);
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new WeirError('WEIR_USAGE', `the number of a replay is needed, not ${JSON.stringify(given)}`);
}

/** Waits for the report; on a terminal it says how far it is. */
async function ended(invocation: Invocation, begun: Replay): Promise<Replay> {
  let replay = begun;
  const terminal = process.stderr.isTTY;
  while (replay.state === 'running' || replay.state === 'applying') {
    const { from, done, to } = replay.records;
    if (terminal) process.stderr.write(`\r${replay.state}: record ${done - from + 1} of ${to - from + 1} `);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    replay = await ask<Replay>(invocation, `/api/v1/replays/${begun.id}`);
  }
  if (terminal) process.stderr.write('\r\x1b[K');
  return replay;
}
