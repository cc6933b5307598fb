import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../../contract/index.ts';
import { contractCodec } from '../../log/contract-codec.ts';
import type { CommitLog } from '../../log/port.ts';
import type { RecordCodec } from '../../log/record-codec.ts';
import { Ballast } from './ballast.ts';
import { EMBEDDED_LOG_DEFAULTS, type EmbeddedLogOptions } from './options.ts';
import { isDamage, isLocked, isNoSpace, openSegmentDb, reasonOf, type SegmentDb } from './segment-db.ts';
import {
  createSegment,
  directoryBytes,
  listSegments,
  makeDirectory,
  removeLeftovers,
  segmentDir,
} from './segment-files.ts';
import { type Segment, SegmentList } from './segment-list.ts';
import { openSegment } from './segment-opener.ts';
import { type Lease, SegmentPool } from './segment-pool.ts';
import { getRecord, newestSeq } from './segment-reader.ts';
import { SegmentedLog } from './segmented-log.ts';

type Given = Pick<EmbeddedLogOptions, 'dir'> &
  Partial<Omit<EmbeddedLogOptions, 'codec'>> & { codec?: RecordCodec };

/**
 * Opens the log below a data directory, or makes it. Rejects with WEIR_DATA_IN_USE when another process has it, and
 * with WEIR_DATA_MISSING when the newest segment cannot be opened: then nobody knows which sequence comes next.
 */
export async function openEmbeddedLog(given: Given): Promise<CommitLog> {
  const options: EmbeddedLogOptions = {
    ...EMBEDDED_LOG_DEFAULTS,
    ...given,
    codec: { ...contractCodec, ...given.codec },
  };
  const logDir = join(options.dir, 'log');
  await makeDirectory(logDir);
  const ballast = new Ballast(logDir, options.ballastBytes);
  const lock = await lockLog(logDir, ballast);
  const pool = new SegmentPool({
    open: (first) => openSegment(logDir, first, options),
    maxOpen: options.maxOpenSegments,
  });
  try {
    await removeLeftovers(logDir);
    const segments = await findSegments(logDir);
    const lease = await withBallast(ballast, () => openNewest(logDir, pool, segments));
    const last = await findLast(options, lease.db, segments[segments.length - 1]);
    await ballast.takeOn(options.reserveBytes);
    const list = new SegmentList(segments, last);
    return await new SegmentedLog(options, { logDir, pool, ballast, lock, segments: list, lease }).start();
  } catch (fault) {
    await pool.closeAll();
    await lock.close();
    throw fault;
  }
}

/** An empty LevelDB is the lock: its own goes with the process, however that ends. */
async function lockLog(logDir: string, ballast: Ballast): Promise<SegmentDb> {
  const dir = join(logDir, 'lock');
  const open = async () => {
    try {
      return await openSegmentDb(dir);
    } catch (fault) {
      if (!isDamage(fault)) throw fault;
      // Not there yet, or not whole: there is nothing in it that could be lost.
      await rm(dir, { recursive: true, force: true });
      return openSegmentDb(dir, true);
    }
  };
  try {
    return await withBallast(ballast, open);
  } catch (fault) {
    if (!isLocked(fault)) throw fault;
    throw new WeirError('WEIR_DATA_IN_USE', `another process has ${logDir} open`, { cause: fault });
  }
}

async function withBallast<T>(ballast: Ballast, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (fault) {
    if (!isNoSpace(fault)) throw fault;
    await ballast.throwOff();
    return open();
  }
}

async function findSegments(logDir: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const first of await listSegments(logDir)) {
    segments.push({
      first,
      bytes: await directoryBytes(segmentDir(logDir, first)),
      records: 0,
      startMs: null,
    });
  }
  return segments;
}

async function openNewest(logDir: string, pool: SegmentPool, segments: Segment[]): Promise<Lease> {
  const newest = segments.at(-1);
  if (newest === undefined) {
    segments.push({ first: 1, bytes: 0, records: 0, startMs: null });
    return pool.adopt(1, await createSegment(logDir, 1));
  }
  try {
    return await pool.acquire(newest.first);
  } catch (fault) {
    if (!isDamage(fault)) throw fault;
    const message = `${segmentDir(logDir, newest.first)} does not open: ${reasonOf(fault)}`;
    throw new WeirError('WEIR_DATA_MISSING', message, { cause: fault });
  }
}

/** Fills in what rolling over needs to know about the newest segment. */
async function findLast(options: EmbeddedLogOptions, db: SegmentDb, newest: Segment): Promise<number> {
  const { check, decode } = options.codec;
  const last = await newestSeq(db, newest.first, check);
  newest.records = last - newest.first + 1;
  if (newest.records > 0) {
    const { bytes } = await getRecord(db, newest.first, check);
    newest.startMs = bytes === null ? null : (decode(bytes)?.wallMs ?? null);
  }
  if (options.knownSeq <= last) return last;
  const message = `records ${last + 1} to ${options.knownSeq} were in the log and are not there any more`;
  options.onNotice({ kind: 'tail-lost', message });
  return options.knownSeq;
}
