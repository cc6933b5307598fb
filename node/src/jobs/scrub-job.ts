import type { JobPorts } from './job-ports.ts';

/** Reads all that is stored, so that rot is found while the log or a replica can still mend it. */
export async function scrubJob({ shards, log, report }: JobPorts): Promise<void> {
  const damaged = await shards.scrub();
  for (const seq of await log.scrub()) damaged.push(`record ${seq} of the log`);
  if (damaged.length === 0) {
    report({ job: 'scrub', outcome: 'done', message: 'Everything that is stored could be read.' });
    return;
  }
  const named = damaged.slice(0, NAMED).join('; ');
  const more = damaged.length > NAMED ? ` and ${damaged.length - NAMED} more` : '';
  report({ job: 'scrub', outcome: 'damage', message: `Damaged: ${named}${more}.` });
}

const NAMED = 20;
