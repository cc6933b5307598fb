import type { JobPorts } from './job-ports.ts';

/** At night: every period to one run, so that the day's charts are few reads, and dropped blocks off the disk. */
export async function tidyJob({ shards, report }: JobPorts): Promise<void> {
  await shards.tidy();
  report({ job: 'tidy', outcome: 'done', message: 'Runs are folded and their room is given back.' });
}
