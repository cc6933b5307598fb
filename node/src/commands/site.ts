import type { Replay, SiteEditAnswer, SiteForgotten } from '../contract/index.ts';
import { isWeirError, type StatusAnswer, WeirError } from '../contract/index.ts';
import { ask, tell, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation } from './command.ts';
import { readSite, readSiteText } from './read-site.ts';

/** An appliance that begins anew is back within a second or two; a slow disk takes longer, and years of buckets too. */
const BACK_MS = 30 * 60_000;
const POLL_MS = 250;

export const siteCommand: Command = {
  name: 'site',
  usage: 'site diff FILE | site apply FILE [--lose] | site forget ROLLUP',
  summary:
    'Edits the site file of a running appliance. diff looks for faults and tells the differences in words; apply also takes the file over: the appliance begins anew with it, devices reconnect after a second or two, and what was added is filled from raw in the background. Buckets that are of another shape are made from raw first, while the old ones are served; this command waits for it. What a rollup counted that is gone stays until it is forgotten.',
  options: {
    ...URL_OPTIONS,
    lose: { type: 'boolean', help: 'apply an edit that loses what was counted, as diff tells' },
  },
  async run(invocation) {
    const [action, named] = invocation.args;
    if (named === undefined || !['diff', 'apply', 'forget'].includes(action))
      throw new WeirError('WEIR_USAGE', 'say what to do, as in: weir site diff site.yaml');
    if (action === 'forget') return forget(invocation, named);
    // Faults are told with the name that the file has here.
    readSite(named);
    const before = action === 'apply' ? await ask<StatusAnswer>(invocation, '/api/v1/status') : null;
    const answer = await tell<SiteEditAnswer>(invocation, 'POST', '/api/v1/site', {
      text: readSiteText(named),
      apply: action === 'apply',
      lose: invocation.options.lose === true,
    });
    if (before !== null && (answer.applied || answer.replay !== null)) {
      await back(invocation, before.startedAt, answer.replay);
      answer.applied = true;
    }
    process.stdout.write(invocation.json ? `${JSON.stringify(answer)}\n` : print(answer));
    return EXIT.fine;
  },
};

async function forget(invocation: Invocation, rollup: string): Promise<number> {
  const forgotten = await tell<SiteForgotten>(invocation, 'POST', '/api/v1/site/forget', { rollup });
  process.stdout.write(
    invocation.json
      ? `${JSON.stringify(forgotten)}\n`
      : `What ${rollup} counted is forgotten: ${forgotten.tables} tables.\n`,
  );
  return EXIT.fine;
}

/** Waits until the appliance has begun anew and is ready; until the tables of the edit are full there is no bound. */
async function back(invocation: Invocation, startedAt: number, replay: number | null): Promise<void> {
  let until = performance.now() + BACK_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const status = await orNull<StatusAnswer>(invocation, '/api/v1/status');
    if (status !== null && status.startedAt !== startedAt && status.ready) return;
    if (status !== null && replay !== null && (await fills(invocation, replay)))
      until = performance.now() + BACK_MS;
    if (performance.now() > until)
      throw new WeirError('WEIR_UNREACHABLE', 'the appliance did not come back with the new site file', {
        suggestion: 'Its log says why.',
      });
  }
}

/** Whether it is still at it. */
async function fills(invocation: Invocation, id: number): Promise<boolean> {
  const replay = await orNull<Replay>(invocation, `/api/v1/replays/${id}`);
  if (replay?.state === 'failed' || replay?.state === 'cancelled')
    throw new WeirError(
      'WEIR_NOT_FOUND',
      `the edit was not taken over: its replay ${id} ${replay.state}${replay.fault === null ? '' : `: ${replay.fault}`}`,
    );
  return replay?.state === 'running';
}

async function orNull<T>(invocation: Invocation, path: string): Promise<T | null> {
  try {
    return await ask<T>(invocation, path);
  } catch (fault) {
    // While it closes it does not answer, or not with what was asked.
    if (isWeirError(fault)) return null;
    throw fault;
  }
}

const MARKS = { filled: '+ ', kept: '- ', changed: '~ ' } as const;
const MORE = { filled: '; it is filled from raw', kept: '; what it counted is kept', changed: '' } as const;

function print({ differences, anew, lost, applied }: SiteEditAnswer): string {
  if (differences.length === 0) return 'There is no difference.\n';
  const lines = differences.map(({ says, becomes }) => `${MARKS[becomes]}${says}${MORE[becomes]}\n`);
  if (anew.length > 0)
    lines.push(
      `Made anew from raw, while the old buckets are served: ${anew.join(', ')}. Before raw begins, what is new is empty.\n`,
    );
  for (const one of lost) lines.push(`! ${one}\n`);
  const how = lost.length > 0 ? 'weir site apply FILE --lose' : 'weir site apply';
  return lines.join('') + (applied ? 'Applied.\n' : `Nothing was changed. To take it over: ${how}\n`);
}
