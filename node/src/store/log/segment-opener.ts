import { openSegmentWhole, rebuildSegment } from './carve-segment.ts';
import type { EmbeddedLogOptions } from './options.ts';
import { isDamage, reasonOf, type SegmentDb } from './segment-db.ts';
import { damagedDir, segmentDir } from './segment-files.ts';

/** Opens a segment with everything that can still be read in it; rejects when that is nothing. */
export async function openSegment(
  logDir: string,
  first: number,
  { codec, onNotice }: Pick<EmbeddedLogOptions, 'codec' | 'onNotice'>,
): Promise<SegmentDb> {
  const dir = segmentDir(logDir, first);
  try {
    const { db, putBack } = await openSegmentWhole(dir, codec.carve);
    if (putBack > 0) {
      const message = `${putBack} records of segment ${first} stood behind a damaged place and were put back`;
      onNotice({ kind: 'segment-repaired', message });
    }
    return db;
  } catch (fault) {
    if (!isDamage(fault)) throw fault;
    const message = `segment ${first} does not open: ${reasonOf(fault)}`;
    onNotice({ kind: 'segment-damaged', message, cause: fault });
    const records = await rebuildSegment(logDir, dir, damagedDir(logDir, first), codec.carve);
    if (records === 0) throw fault;
    onNotice({
      kind: 'segment-repaired',
      message: `segment ${first} was made again from ${records} records that its files still hold`,
    });
    return (await openSegmentWhole(dir, codec.carve)).db;
  }
}
