import { peekRecord } from '../contract/index.ts';
import type { JobPorts, JobSite } from './job-ports.ts';
import { retentionPlan } from './retention-plan.ts';

export type RetentionPorts = Omit<JobPorts, 'reconcile'>;

/** Forgets what tiers and raw no longer keep: the tiers first, so that raw outlives what is built from it. */
export class RetentionJob {
  readonly #site: JobSite;
  readonly #ports: RetentionPorts;
  #last: { wallMs: number; monotonicMs: number } | null = null;

  constructor(site: JobSite, ports: RetentionPorts) {
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
    const drops = (await this.#ports.archiveTiers?.(plan.drops)) ?? plan.drops;
    await shards.retain(drops);
    const freed = await this.#forget(plan.log);
    const message = `${drops.length} tables looked through, ${freed.segments} segments of the log (${freed.bytes} bytes) forgotten.`;
    report({ job: 'retention', outcome: 'done', message });
  }

  /**
   * Raw waits for the archive, but not for ever: what passes `rawBytes` is forgotten all the same, since a full disk takes
   * no readings at all. What is lost to the archive that way is told.
   */
  async #forget(bound: LogBound): Promise<{ segments: number; bytes: number }> {
    const { log, archive, report } = this.#ports;
    if (archive === null) return log.forget(bound);
    const archived = await archive(bound.keepFromSeq - 1);
    const waits = { ...bound, keepFromSeq: Math.min(bound.keepFromSeq, archived + 1) };
    const freed = await log.forget({ ...waits, maxBytes: Number.MAX_SAFE_INTEGER });
    const forced = await log.forget({ ...bound, olderThanWallMs: null });
    const { first } = log.bounds();
    if (forced.segments > 0 && first > archived + 1)
      report({
        job: 'retention',
        outcome: 'damage',
        message: `Raw passed its bytes while it waited for the archive: records up to ${first - 1} are forgotten, and ${archived === 0 ? 'none' : `those up to ${archived}`} of them archived.`,
      });
    return { segments: freed.segments + forced.segments, bytes: freed.bytes + forced.bytes };
  }
}

type LogBound = { olderThanWallMs: number; maxBytes: number; keepFromSeq: number };

/** Null also where the record is damaged: then a replay passes over it as well. */
async function wallMsOf(log: JobPorts['log'], seq: number): Promise<number | null> {
  const bytes = (await log.get(seq))?.bytes;
  if (!bytes) return null;
  const header = peekRecord(bytes);
  return 'fault' in header ? null : header.wallMs;
}
