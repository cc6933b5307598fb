import { Calendar, DAY_MS } from '../contract/index.ts';
import type { JobPorts, JobSite } from './job-ports.ts';

/**
 * Recomputes the day that has just become final from the log, corrects what the stream got wrong, and files a report.
 * On a sound board it finds nothing: that is what it is for.
 */
export async function reconcileJob(site: JobSite, ports: JobPorts): Promise<void> {
  const { clock, report } = ports;
  if (!clock.trusted()) {
    report({
      job: 'reconcile',
      outcome: 'left',
      message: 'Nothing was reconciled: the clock is not trusted.',
    });
    return;
  }
  const { from, to } = finalDay(site, clock.nowMs());
  const { state, differences, readings, fault } = await ports.reconcile(from, to);
  const day = `the day from ${new Date(from).toISOString()}`;
  if (state !== 'applied') {
    report({ job: 'reconcile', outcome: 'failed', message: `${day} was not reconciled: ${fault ?? state}.` });
    return;
  }
  const found = differences === 0 ? 'nothing differed' : `${differences} buckets were corrected`;
  const outcome = differences === 0 ? 'done' : 'damage';
  report({ job: 'reconcile', outcome, message: `${day}: ${readings} readings read again, ${found}.` });
}

/** The last local day of which every bucket is final. */
export function finalDay(
  { timezone, streams }: Pick<JobSite, 'timezone' | 'streams'>,
  nowMs: number,
): { from: number; to: number } {
  const latenessMs = Math.max(0, ...streams.map((stream) => stream.latenessMs));
  const calendar = new Calendar(timezone);
  const to = calendar.bucketStart(nowMs - latenessMs, DAY_MS);
  return { from: calendar.bucketStart(to - 1, DAY_MS), to };
}
