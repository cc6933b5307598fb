import { WeirError } from '../../contract/index.ts';

/** LevelDB wraps what the system said into text; classic-level sorts it by a code in `cause`. */
function rootOf(fault: unknown): { code: string; text: string } {
  let code = '';
  let text = '';
  for (let at: unknown = fault; at instanceof Error; at = at.cause) {
    code = (at as Error & { code?: string }).code ?? code;
    text = `${text} ${at.message}`;
  }
  return { code, text };
}

const NO_ROOM = /No space left|Disk quota exceeded|ENOSPC|EDQUOT/;
/** Faults of the moment, which say nothing about the bytes on the disk. */
const PASSING = /Too many open files|Cannot allocate memory|EMFILE|ENFILE|ENOMEM|LEVEL_DATABASE_NOT_OPEN/;
const ROTTEN = /Corruption|corrupt|No such file|not a leveldb|too short|bad block|truncated/i;

export function openFault(fault: unknown, dir: string): WeirError {
  const { code, text } = rootOf(fault);
  if (code === 'LEVEL_LOCKED')
    return new WeirError('WEIR_DATA_IN_USE', `The store ${dir} is open elsewhere.`, { cause: fault });
  if (/does not exist/.test(text)) return missingFault(dir, fault);
  return writeFault(fault, `The store ${dir} does not open`);
}

export function missingFault(dir: string, cause?: unknown): WeirError {
  return new WeirError('WEIR_DATA_MISSING', `Files of the store ${dir} are gone (CURRENT among them).`, {
    cause,
    suggestion: 'Restore the directory, or move it aside to have it rebuilt from the log.',
  });
}

export function writeFault(fault: unknown, what: string): WeirError {
  if (fault instanceof WeirError) return fault;
  const { text } = rootOf(fault);
  if (NO_ROOM.test(text))
    return new WeirError('WEIR_STORE_FULL', `${what}: there is no room on the disk.`, { cause: fault });
  if (!PASSING.test(text) && ROTTEN.test(text))
    return new WeirError('WEIR_STORE_DAMAGED', `${what}: its files are damaged.`, { cause: fault });
  return new WeirError('WEIR_STORE_UNAVAILABLE', `${what}:${text}.`, { cause: fault });
}

/** Reading: whatever does not pass by itself is damage, and its shard is rebuilt. */
export function readFault(fault: unknown, what: string): WeirError {
  const { text } = rootOf(fault);
  if (PASSING.test(text))
    return new WeirError('WEIR_STORE_UNAVAILABLE', `${what} cannot be read now:${text}.`, { cause: fault });
  return new WeirError('WEIR_STORE_DAMAGED', `${what} cannot be read: its files are damaged.`, {
    cause: fault,
  });
}
