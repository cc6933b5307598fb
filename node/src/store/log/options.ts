import type { RecordCodec } from '../../log/record-codec.ts';

export interface EmbeddedLogOptions {
  /** The data directory; the log lives in `log/` below it. */
  dir: string;
  codec: Required<RecordCodec>;
  /** A segment is sealed when it is larger, older or longer than this. */
  segmentBytes: number;
  segmentMs: number;
  segmentRecords: number;
  /** Kept free for the day when the disk is full; 0 for none. */
  ballastBytes: number;
  /** With less free space than this, appends are refused before the disk is full for everyone. */
  reserveBytes: number;
  /** How often a log that is full or has failed tries again. */
  retryMs: number;
  /** Segments kept open, the one being written included. */
  maxOpenSegments: number;
  /** The newest sequence that others have seen: if the log ends before it, its tail was lost, and is reported. */
  knownSeq: number;
  /** Monotonic, for durations. */
  nowMs: () => number;
  /** What an operator should know: a damaged segment, a lost tail, a disk that came back. */
  onNotice: (notice: LogNotice) => void;
  faults: DiskFaults;
}

export interface LogNotice {
  kind: 'segment-damaged' | 'segment-repaired' | 'tail-lost' | 'full' | 'failed' | 'recovered' | 'index-lost';
  message: string;
  cause?: unknown;
}

/** Where a test puts its fault; the real ones do nothing. */
export interface DiskFaults {
  /** Before each synced write. What it throws is taken for the disk's answer. */
  beforeWrite(): Promise<void> | void;
  /** After each synced write of records: a fault here stands for one that the disk did and denied. */
  afterWrite(): Promise<void> | void;
  /** Free bytes as the disk tells them. */
  free(bytes: number): number;
}

export const NO_FAULTS: DiskFaults = {
  beforeWrite: () => {},
  afterWrite: () => {},
  free: (bytes) => bytes,
};

const MIB = 1024 * 1024;

export const EMBEDDED_LOG_DEFAULTS = {
  segmentBytes: 64 * MIB,
  segmentMs: 6 * 3_600_000,
  segmentRecords: 1 << 16,
  ballastBytes: 32 * MIB,
  reserveBytes: 24 * MIB,
  retryMs: 1000,
  maxOpenSegments: 6,
  knownSeq: 0,
  nowMs: () => performance.now(),
  onNotice: () => {},
  faults: NO_FAULTS,
} satisfies Partial<EmbeddedLogOptions>;
