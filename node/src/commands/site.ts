import type { SiteEditAnswer, SiteForgotten } from '../contract/index.ts';
import { isWeirError, type StatusAnswer, WeirError } from '../contract/index.ts';
import { ask, tell, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation } from './command.ts';
import { readSite, readSiteText } from './read-site.ts';

/** An appliance that begins anew is back within a second or two; a slow disk takes longer. */
const BACK_MS = 120_000;
const POLL_MS = 250;

export const siteCommand: Command = {
  name: 'site',
  usage: 'site diff FILE | site apply FILE | site forget ROLLUP',
  summary:
    'Edits the site file of a running appliance. diff looks for faults and tells the differences in words; apply also takes the file over: the appliance begins anew with it, devices reconnect after a second or two, and what was added is filled from raw in the background. What a rollup counted that is gone stays until it is forgotten.',
  options: URL_OPTIONS,
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
    });
    if (answer.applied && before !== null) await back(invocation, before.startedAt);
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

/** Waits until the appliance has begun anew and is ready. */
async function back(invocation: Invocation, startedAt: number): Promise<void> {
  const until = performance.now() + BACK_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const status = await statusOrNull(invocation);
    if (status !== null && status.startedAt !== startedAt && status.ready) return;
    if (performance.now() > until)
      throw new WeirError('WEIR_UNREACHABLE', 'the appliance did not come back with the new site file', {
        suggestion: 'Its log says why.',
      });
  }
}

async function statusOrNull(invocation: Invocation): Promise<StatusAnswer | null> {
  try {
    return await ask<StatusAnswer>(invocation, '/api/v1/status');
  } catch (fault) {
    // While it closes it does not answer, or not with what was asked.
    if (isWeirError(fault)) return null;
    throw fault;
  }
}

const MARKS = { filled: '+ ', kept: '- ', changed: '~ ' } as const;
const MORE = { filled: '; it is filled from raw', kept: '; what it counted is kept', changed: '' } as const;

function print({ differences, applied }: SiteEditAnswer): string {
  if (differences.length === 0) return 'There is no difference.\n';
  const lines = differences.map(({ says, becomes }) => `${MARKS[becomes]}${says}${MORE[becomes]}\n`);
  return (
    lines.join('') + (applied ? 'Applied.\n' : 'Nothing was changed. To take it over: weir site apply\n')
  );
}
