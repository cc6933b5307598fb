import { hashBytes } from '../contract/index.ts';
import type { JobName } from './job-ports.ts';

/**
 * When a job runs, as a cron pattern in the site's time zone. The board's seed spreads the boards of a site over the
 * hour, the night and the week, so that they do not all leave their work at the same minute.
 */
export function scheduleOf(job: JobName, seed: string): string {
  const draw = hashBytes(Buffer.from(`${job}|${seed}`), 0, job.length + 1 + Buffer.byteLength(seed));
  const minute = draw % 60;
  const night = Math.floor(draw / 60);
  if (job === 'retention') return `${minute} * * * *`;
  // Past the hour that a change to or from summer time leaves out or repeats.
  const hour = 3 + (night % 2);
  if (job === 'tidy' || job === 'reconcile') return `${minute} ${hour} * * *`;
  return `${minute} ${hour + 2} * * ${Math.floor(night / 2) % 7}`;
}
