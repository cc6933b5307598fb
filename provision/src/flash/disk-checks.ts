import { bytesText, WeirError } from '@weir/node/contract';
import type { DiskFacts } from './disk-facts.ts';

/** What a disk must be like to be written. Bounds come from the board's description and the image. */
export interface DiskWanted {
  leastBytes: number;
  mostBytes: number;
  imageBytes: number;
}

export interface Refusal {
  /** Which check it was: a word for tests and for `--json`. */
  check:
    | 'by-id'
    | 'whole'
    | 'removable'
    | 'size'
    | 'read-only'
    | 'mounted'
    | 'swap'
    | 'holders'
    | 'signature'
    | 'root';
  why: string;
}

/**
 * Every reason not to write that disk. All are looked for, so that nobody mends one to meet the next. None can be
 * switched off: a disk that is refused is one that may hold something.
 */
export function refusalsOf(disk: DiskFacts, wanted: DiskWanted): Refusal[] {
  const found: Refusal[] = [];
  const refuse = (check: Refusal['check'], why: string) => found.push({ check, why });
  if (!disk.isById && disk.bus !== 'loop')
    refuse('by-id', 'it is not named as below /dev/disk/by-id; names such as sdb change with the next start');
  if (!disk.isWhole) refuse('whole', 'it is a partition, not a whole disk');
  if (!disk.isRemovable && disk.bus === 'other')
    refuse('removable', 'it is neither removable nor on USB nor a card or eMMC');
  if (disk.isReadOnly) refuse('read-only', 'it is write-protected');
  if (disk.isRoot) refuse('root', 'the running system stands on it');
  for (const at of disk.mounts) refuse('mounted', `it is mounted at ${at}`);
  for (const swap of disk.swaps) refuse('swap', `${swap} is swap space in use`);
  for (const holder of disk.holders) refuse('holders', `it is in use: ${holder}`);
  for (const signature of disk.signatures)
    refuse('signature', `it is part of a set of disks or encrypted: ${signature}; wipefs takes that away`);
  judgeSize(disk, wanted, refuse);
  return found;
}

function judgeSize(
  { bytes }: DiskFacts,
  { leastBytes, mostBytes, imageBytes }: DiskWanted,
  refuse: (check: 'size', why: string) => void,
): void {
  if (bytes === 0) refuse('size', 'there is no medium in it');
  else if (bytes < leastBytes)
    refuse('size', `it has ${bytesText(bytes)}; the board wants ${bytesText(leastBytes)}`);
  else if (bytes < imageBytes)
    refuse('size', `it has ${bytesText(bytes)}; the image needs ${bytesText(imageBytes)}`);
  else if (bytes > mostBytes)
    refuse('size', `it has ${bytesText(bytes)}, more than a card for this board (${bytesText(mostBytes)})`);
}

export function refuseDisk(disk: DiskFacts, refusals: readonly Refusal[], ids: readonly string[]): WeirError {
  const reasons = refusals.map(({ check, why }) => `\n  ${check}: ${why}`).join('');
  const suggestion = ids.length > 0 && !disk.isById ? `It is also named ${ids.join(' and ')}.` : undefined;
  return new WeirError('WEIR_FLASH_REFUSED', `${disk.path} is not written:${reasons}\n`, {
    field: refusals[0]?.check,
    suggestion,
  });
}
