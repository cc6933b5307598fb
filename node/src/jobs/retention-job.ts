import { peekRecord } from '../contract/index.ts';
import type { JobPorts, JobSite } from './job-ports.ts';
import { retentionPlan } from './retention-plan.ts';

/** Forgets what tiers and raw no longer keep: the tiers first, so that raw outlives what is built from it. */
export class RetentionJob {
  readonly #site: JobSite;
  readonly #ports: JobPorts;
  #last: { wallMs: number; monotonicMs: number } | null = null;

  constructor(site: JobSite, ports: JobPorts) {
    this.#site = site;
    this.#ports = ports;
  }

  async run(): Promise<void> {
    const { clock, shards, log, report } = this.#ports;
    const now = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    const leastCheckpointed = shards.leastCheckpointed();
    const plan = retentionPlan({
      nowMs: now.wallMs,
      monotonicMs: now.monotonicMs,
      clockTrusted: clock.trusted(),
      last: this.#last,
      site: this.#site,
      leastCheckpointed,
      replayFromMs: await wallMsOf(log, leastCheckpointed + 1),
    });
    this.#last = now;
    if (!plan.run) {
      report({ job: 'retention', outcome: 'left', message: `Nothing was forgotten: ${plan.why}.` });
      return;
    }
    await shards.retain(plan.drops);
    const freed = await log.forget(plan.log);
    const message = `${plan.drops.length} tables looked through, ${freed.segments} segments of the log (${freed.bytes} bytes) forgotten.`;
    report({ job: 'retention', outcome: 'done', message });
  }
}

/** Null also where the record is damaged: then a replay passes over it as well. */
async function wallMsOf(log: JobPorts['log'], seq: number): Promise<number | null> {
  const bytes = (await log.get(seq))?.bytes;
  if (!bytes) return null;
  const header = peekRecord(bytes);
  return 'fault' in header ? null : header.wallMs;
}
