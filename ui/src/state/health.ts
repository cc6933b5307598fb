import type { LedgerAnswer, StatusAnswer } from '@weir/node/contract';
import { formatBytes, formatCount } from '../format/number.ts';

export type Level = 'good' | 'warn' | 'bad' | 'unknown';

export interface Finding {
  level: Level;
  text: string;
  /** What to do about it, where there is something to do. */
  advice: string;
}

const FREE_LOW_BYTES = 1e9;
const LAG_RECORDS = 500;
const FSYNC_SLOW_MS = 500;

/** Everything that is not as it should be, the worst first; empty when all is well. */
export function findings(status: StatusAnswer, ledger: LedgerAnswer | null): Finding[] {
  const found = [...logFindings(status), ...shardFindings(status), ...boardFindings(status)];
  if (ledger && !reconciles(ledger)) {
    found.push({
      level: 'bad',
      text: 'The ledger does not add up',
      advice: 'Run weir verify on the board and report it: no reading may be without an account.',
    });
  }
  return found.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

function logFindings({ log }: StatusAnswer): Finding[] {
  if (log.state === 'full') {
    return [
      {
        level: 'bad',
        text: 'The disk is full: readings are not taken in',
        advice:
          'Free space, or shorten retention in the site file. Devices keep their readings and send them again.',
      },
    ];
  }
  if (log.state === 'failed') {
    return [
      {
        level: 'bad',
        text: 'The disk refuses writes: readings are not taken in',
        advice: 'Run weir doctor on the board; the flash may be worn out.',
      },
    ];
  }
  if (log.fsyncMsP99 <= FSYNC_SLOW_MS) return [];
  return [
    {
      level: 'warn',
      text: `The disk is slow: a write takes ${formatCount(log.fsyncMsP99)} ms`,
      advice: 'Readings are safe but acknowledged late. Worn flash gets slow before it fails.',
    },
  ];
}

function shardFindings({ shards, ready, reasons, lagRecords }: StatusAnswer): Finding[] {
  const damaged = shards.filter((shard) => shard.state === 'damaged').map((shard) => shard.shard);
  const found: Finding[] = [];
  if (damaged.length > 0) {
    const which = damaged.length === 1 ? `Shard ${damaged[0]} is` : `Shards ${damaged.join(', ')} are`;
    found.push({
      level: 'bad',
      text: `${which} damaged`,
      advice: 'Damaged parts are rebuilt from the log; weir doctor tells more.',
    });
  }
  if (!ready) {
    found.push({
      level: 'warn',
      text: 'Getting ready',
      advice:
        reasons.length > 0 ? `Waiting for: ${reasons.join('; ')}.` : 'The board is reading its log again.',
    });
  } else if (lagRecords > LAG_RECORDS) {
    found.push({
      level: 'warn',
      text: `Counting is ${formatCount(lagRecords)} records behind`,
      advice: 'Readings are safe in the log and are counted as fast as the board can.',
    });
  }
  return found;
}

function boardFindings({ storage, clock, readingsPerSecond, ready }: StatusAnswer): Finding[] {
  const found: Finding[] = [];
  if (storage.freeBytes < FREE_LOW_BYTES) {
    found.push({
      level: 'warn',
      text: `Only ${formatBytes(storage.freeBytes)} of disk are free`,
      advice: 'Shorten retention in the site file, or use a larger disk.',
    });
  }
  if (clock === 'unsynced') {
    found.push({
      level: 'warn',
      text: 'The clock is not set',
      advice: 'Nothing is forgotten until it is. Give the board a time server.',
    });
  }
  if (ready && readingsPerSecond === 0) {
    found.push({
      level: 'warn',
      text: 'No readings are coming in',
      advice: 'Check that the devices are on and reach the broker; weir tail shows what arrives.',
    });
  }
  return found;
}

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((all, one) => all + one, 0);

export const quarantinedOf = (ledger: LedgerAnswer): number => sum(ledger.quarantined);
export const rejectedOf = (ledger: LedgerAnswer): number => sum(ledger.rejected);

/** Every reading received ended in exactly one way. */
export function reconciles(ledger: LedgerAnswer): boolean {
  const ended = ledger.counted + ledger.duplicate + quarantinedOf(ledger) + rejectedOf(ledger);
  return ledger.received === ended && ledger.counted === ledger.onTime + ledger.lateMerged;
}
