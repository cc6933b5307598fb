import type { VerifiedFile } from '../archive/verified-file.ts';

/** A file of raw readings; of buckets, `stream` names their tier. */
export interface ArchivedFile extends VerifiedFile {
  stream: string;
}

export interface ArchiveFinished {
  files: ArchivedFile[];
  /** Streams of which not everything is in the files: the site file does not have them any more. */
  left: string[];
  /** The board's clock at the first record at which it was trusted; null where it never was. */
  wallMs: number | null;
  /** The newest time that the log trusted up to the last record; 0 where there was none. */
  trustedTo: number;
}

/** Records of the log whose readings are in files, from the first to the last. */
export interface ArchivedRun extends ArchiveFinished {
  from: number;
  to: number;
  /** Records that could not be read: they are in no file. */
  damaged: number;
}
