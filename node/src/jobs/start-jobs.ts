import { type ScheduledTask, schedule } from 'node-cron';
import { JOBS, type JobName, type JobPorts, type JobSite } from './job-ports.ts';
import { reconcileJob } from './reconcile-job.ts';
import { RetentionJob } from './retention-job.ts';
import { scheduleOf } from './schedule-of.ts';
import { scrubJob } from './scrub-job.ts';
import { tidyJob } from './tidy-job.ts';

export interface Jobs {
  /** Runs a job now, as `weir doctor` and the tests do; waits for one that is under way. */
  run(job: JobName): Promise<void>;
  next(job: JobName): Date | null;
  /** No job begins any more; resolves when the running ones are through. */
  close(): Promise<void>;
}

/** `seed` is the board's name: it decides the minutes. */
export function startJobs(site: JobSite, ports: JobPorts, seed: string): Jobs {
  const retention = new RetentionJob(site, ports);
  const work: Record<JobName, () => Promise<void>> = {
    retention: () => retention.run(),
    reconcile: () => reconcileJob(site, ports),
    tidy: () => tidyJob(ports),
    scrub: () => scrubJob(ports),
  };
  const line = new JobLine(work, ports);
  const tasks = new Map<JobName, ScheduledTask>();
  for (const job of JOBS) {
    const options = { name: job, timezone: site.timezone, unref: true, suppressMissedWarning: true };
    tasks.set(
      job,
      schedule(scheduleOf(job, seed), () => line.run(job), options),
    );
  }
  return {
    run: (job) => line.run(job),
    next: (job) => tasks.get(job)!.getNextRun(),
    async close() {
      for (const task of tasks.values()) await task.destroy();
      await line.close();
    },
  };
}

/** One job at a time: they share the disk. A job that is due while it runs or waits is not put in line again. */
class JobLine {
  readonly #work: Record<JobName, () => Promise<void>>;
  readonly #ports: JobPorts;
  readonly #waiting = new Map<JobName, Promise<void>>();
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(work: Record<JobName, () => Promise<void>>, ports: JobPorts) {
    this.#work = work;
    this.#ports = ports;
  }

  run(job: JobName): Promise<void> {
    const under = this.#waiting.get(job);
    if (under !== undefined) return under;
    const run = this.#tail.then(() => this.#one(job));
    this.#waiting.set(job, run);
    this.#tail = run;
    return run;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }

  /** A job that fails is reported and comes again at its next time. */
  async #one(job: JobName): Promise<void> {
    try {
      if (!this.#closed) await this.#work[job]();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      this.#ports.report({ job, outcome: 'failed', message, cause });
    } finally {
      this.#waiting.delete(job);
    }
  }
}
