import { join } from 'node:path';
import { contractCodec } from '../../log/contract-codec.ts';
import { EMBEDDED_LOG_DEFAULTS } from './options.ts';
import { recordKey } from './record-key.ts';
import type { SegmentDb } from './segment-db.ts';
import { createSegment, makeDirectory } from './segment-files.ts';

const BATCH_BYTES = 2 * 1024 * 1024;

interface Open {
  db: SegmentDb;
  bytes: number;
  records: number;
  startMs: number | null;
}

/**
 * Writes records, which begin anywhere and ascend, as the segments of a log that is not there yet. A sequence that is
 * left out stays a damaged record, as it was where the copy comes from.
 */
export class SegmentPaste {
  readonly #logDir: string;
  readonly #limits = EMBEDDED_LOG_DEFAULTS;
  #open: Open | null = null;
  #batch: { type: 'put'; key: Uint8Array; value: Uint8Array }[] = [];
  #batchBytes = 0;

  private constructor(logDir: string) {
    this.#logDir = logDir;
  }

  /** Below a data directory; `first` is the sequence that its oldest segment owns. */
  static async begin(dataDir: string, first: number): Promise<SegmentPaste> {
    const paste = new SegmentPaste(join(dataDir, 'log'));
    await makeDirectory(paste.#logDir);
    await paste.#begin(first);
    return paste;
  }

  async add(seq: number, bytes: Uint8Array): Promise<void> {
    const wallMs = contractCodec.decode(bytes)?.wallMs ?? null;
    if (this.#isFull(wallMs)) await this.#begin(seq);
    const open = this.#open!;
    open.bytes += bytes.length;
    open.records++;
    open.startMs ??= wallMs;
    this.#batch.push({ type: 'put', key: recordKey(seq), value: bytes });
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) await this.#flush();
  }

  async close(): Promise<void> {
    if (this.#open === null) return;
    try {
      await this.#flush();
    } finally {
      await this.#open.db.close();
      this.#open = null;
    }
  }

  #isFull(wallMs: number | null): boolean {
    const { bytes, records, startMs } = this.#open!;
    const { segmentBytes, segmentRecords, segmentMs } = this.#limits;
    const spanMs = wallMs === null || startMs === null ? 0 : wallMs - startMs;
    return records > 0 && (bytes >= segmentBytes || records >= segmentRecords || spanMs >= segmentMs);
  }

  async #begin(first: number): Promise<void> {
    await this.close();
    this.#open = { db: await createSegment(this.#logDir, first), bytes: 0, records: 0, startMs: null };
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (batch.length > 0) await this.#open!.db.batch(batch, { sync: true });
  }
}
