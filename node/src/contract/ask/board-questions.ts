import type { StatusAnswer } from '../api/answers.ts';

/** Questions to the board's main thread, which owns the log and the broker. */

export interface LogFindQuestion {
  stream: string;
  from: number;
  to: number;
  keyHash: number | null;
  order: 'asc' | 'desc';
  limit: number;
}

/** What only the main thread knows; the client adds the shards' part. */
export type BoardStatus = Omit<StatusAnswer, 'shards' | 'storage' | 'wear'> & {
  logBytes: number;
  logAppendedBytes: number;
  logAppendedReadings: number;
  freeBytes: number;
  flash: Omit<StatusAnswer['wear'], 'writtenBytes' | 'bytesPerReading'>;
};
