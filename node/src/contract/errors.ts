/** The one table of expected faults; `docs/errors.md` is tested equal to it. */
export const ERRORS = {
  WEIR_SITE_INVALID: { status: 422, exit: 3, means: 'The site file has faults; all of them are listed.' },
  WEIR_NOT_FOUND: {
    status: 404,
    exit: 1,
    means: 'There is no rollup, stream, measure, table or path of that name.',
  },
  WEIR_BAD_QUESTION: {
    status: 400,
    exit: 2,
    means: 'A parameter of a question is missing, malformed or out of range.',
  },
  WEIR_NOT_KEPT: {
    status: 400,
    exit: 2,
    means: 'The filter or group is not kept by any group-by of the rollup; ask the raw events.',
  },
  WEIR_TOO_MUCH: {
    status: 400,
    exit: 2,
    means: 'The answer would pass its bound; ask for a shorter range, a wider step or fewer series.',
  },
  WEIR_NOT_READY: { status: 503, exit: 75, means: 'Shards are still being opened or replayed.' },
  WEIR_LOG_FULL: {
    status: 507,
    exit: 75,
    means: 'The disk has no room for the log. Readings are not acknowledged until there is.',
  },
  WEIR_LOG_UNAVAILABLE: {
    status: 503,
    exit: 6,
    means: 'The disk refused a write of the log. Readings are not acknowledged.',
  },
  WEIR_LOG_FENCED: { status: 503, exit: 75, means: 'Another writer holds the log.' },
  WEIR_LOG_DAMAGED: {
    status: 500,
    exit: 6,
    means: 'A record of the log fails its checksum. It is reported and never served.',
  },
  WEIR_STORE_DAMAGED: {
    status: 500,
    exit: 6,
    means: 'A block of the store fails its checksum. Its shard is rebuilt from the log.',
  },
  WEIR_STORE_FULL: {
    status: 507,
    exit: 75,
    means: 'The disk has no room for the store. Readings stay in the log; the checkpoint is tried again.',
  },
  WEIR_STORE_UNAVAILABLE: {
    status: 503,
    exit: 75,
    means: 'The disk refused the store a write or a file. It is opened again at the next try.',
  },
  WEIR_ARCHIVE_UNAVAILABLE: {
    status: 503,
    exit: 6,
    means: 'The archive directory is missing, full, or does not give back what was written.',
  },
  WEIR_DATA_IN_USE: { status: 500, exit: 1, means: 'Another process has this data directory open.' },
  WEIR_DATA_MISSING: {
    status: 500,
    exit: 1,
    means: 'Files of the data directory are gone. Nothing was created in their place.',
  },
  WEIR_BACKUP_DAMAGED: {
    status: 500,
    exit: 6,
    means: 'A piece of the backup is missing, damaged or not what it says it is. Nothing was made of it.',
  },
  WEIR_BACKUP_UNAVAILABLE: {
    status: 503,
    exit: 6,
    means: 'The place of the backup is full, or does not take what is written. What was copied stays.',
  },
  WEIR_UNREACHABLE: { status: 503, exit: 4, means: 'Nothing answers at that address.' },
  WEIR_NOT_ALLOWED: { status: 403, exit: 5, means: 'The credentials do not allow this.' },
  WEIR_LOGIN_NEEDED: { status: 401, exit: 5, means: 'The question needs an access token or a log-in.' },
  WEIR_TOO_LARGE: { status: 413, exit: 2, means: 'A body or payload passes its bound.' },
  WEIR_BUSY: { status: 429, exit: 75, means: 'Too many questions at once.' },
  WEIR_INTERNAL: {
    status: 500,
    exit: 1,
    means: 'Something failed that should not have; the log says what.',
  },
  WEIR_USAGE: { status: 400, exit: 2, means: 'The command line was not understood.' },
  WEIR_FLEET_INVALID: { status: 422, exit: 3, means: 'The fleet file has faults; all of them are listed.' },
  WEIR_KEYS_EXPOSED: {
    status: 500,
    exit: 5,
    means: 'A file with a key may be read by others than its owner. It was not used.',
  },
  WEIR_AUTHORITY_MISSING: {
    status: 500,
    exit: 1,
    means: 'The folder of the site lacks a file of its authority.',
  },
  WEIR_AUTHORITY_DAMAGED: {
    status: 500,
    exit: 1,
    means: 'A file of the authority cannot be understood. Nothing was signed.',
  },
  WEIR_SEAL_BROKEN: {
    status: 422,
    exit: 1,
    means: 'A sealed file cannot be opened: another passphrase, or it was changed.',
  },
  WEIR_FLASH_REFUSED: {
    status: 403,
    exit: 5,
    means: 'This disk is not written: a check says that it may hold something.',
  },
  WEIR_IMAGE_UNFIT: {
    status: 422,
    exit: 1,
    means: 'The image is damaged, no disk image, or not meant for this board.',
  },
  WEIR_FLASH_FAILED: {
    status: 500,
    exit: 1,
    means: 'The disk did not take what was written, or reads back otherwise.',
  },
  WEIR_TOOL_MISSING: { status: 500, exit: 1, means: 'A program that is needed is not installed.' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** An expected fault: says what, why and what to do next; `field` names the parameter at fault. */
export class WeirError extends Error {
  override name = 'WeirError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly suggestion: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { cause?: unknown; field?: string; suggestion?: string } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.field = more.field;
    this.suggestion = more.suggestion;
  }
}

export function isWeirError(fault: unknown): fault is WeirError {
  return fault instanceof WeirError;
}
