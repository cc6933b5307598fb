import type { Logger } from 'pino';
import type { CommitLog } from '../log/port.ts';
import { Ballast, freeBytes } from '../store/log/ballast.ts';
import { openEmbeddedLog } from '../store/log/embedded-log.ts';
import { boardCodec } from './board-codec.ts';
import type { DataDir } from './data-dir.ts';

/** Four stores, the sessions and the log each write what was in their write-ahead logs, of 4 MB at the most. */
const ROOM_TO_OPEN_BYTES = 24 * 1024 * 1024;

/** LevelDB writes when it opens. On a full disk the log throws off its ballast, but the stores open before it. */
export async function makeRoomToOpen(dir: DataDir): Promise<void> {
  if ((await freeBytes(dir.root)) < ROOM_TO_OPEN_BYTES) await new Ballast(dir.log, 0).throwOff();
}

export function openLog(dir: DataDir, knownSeq: number, logger: Logger): Promise<CommitLog> {
  return openEmbeddedLog({
    dir: dir.root,
    codec: boardCodec,
    knownSeq,
    onNotice: ({ kind, message, cause }) =>
      logger.warn({ kind, cause: cause ? String(cause) : undefined }, message),
  });
}
