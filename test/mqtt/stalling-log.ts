import type { LogRecord } from '@weir/node/contract';

type Fault = Error & { code?: string };

/** A commit log of records in memory whose disk can be made to stall or to refuse. Only what the intake asks of it. */
export class StallingLog {
  readonly records: LogRecord[] = [];
  /** Appends that wait while the log stalls. */
  readonly waiting: (() => void)[] = [];
  attempts = 0;
  stalled = false;
  refusal: Fault | null = null;

  append(record: LogRecord): Promise<Uint8Array> {
    this.attempts++;
    if (this.refusal) return Promise.reject(this.refusal);
    return new Promise((resolve, reject) => {
      const commit = () => {
        if (record.seq !== this.records.length + 1) reject(new Error(`out of order: ${record.seq}`));
        else {
          this.records.push(record);
          resolve(new Uint8Array(1));
        }
      };
      if (this.stalled) this.waiting.push(commit);
      else setImmediate(commit);
    });
  }

  go(): void {
    this.stalled = false;
    for (const commit of this.waiting.splice(0)) commit();
  }

  bounds(): { first: number; last: number } {
    return { first: 1, last: this.records.length };
  }

  /** Readings in all records, set-aside messages not counted. */
  get readings(): number {
    let sum = 0;
    for (const record of this.records) for (const section of record.sections) sum += section.rows;
    return sum;
  }

  get setAside(): number {
    return this.records.reduce((sum, record) => sum + record.setAside.length, 0);
  }
}
