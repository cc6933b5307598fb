import type { LedgerAnswer, StatusAnswer } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, text } from './command.ts';
import { reconciledText } from './status.ts';

export const ledgerCommand: Command = {
  name: 'ledger',
  usage: 'ledger [--stream NAME] [--from -1d] [--to now]',
  summary:
    'Where every reading went: counted, duplicate, quarantined or rejected. Fails when the sums disagree.',
  options: {
    ...URL_OPTIONS,
    stream: { type: 'string', value: 'NAME', help: 'one stream; all without it' },
    from: { type: 'string', value: 'TIME', help: 'log time, by the hour', default: '-1d' },
    to: { type: 'string', value: 'TIME', help: 'end', default: 'now' },
  },
  async run(invocation) {
    const search = new URLSearchParams();
    for (const name of ['stream', 'from', 'to']) {
      const value = text(invocation, name);
      if (value !== undefined) search.set(name, value);
    }
    const ledger = await ask<LedgerAnswer>(invocation, `/api/v1/ledger?${search}`);
    const balance = imbalance(ledger);
    if (invocation.json) process.stdout.write(`${JSON.stringify({ ...ledger, imbalance: balance })}\n`);
    else {
      process.stdout.write(print(ledger));
      const status = await ask<StatusAnswer>(invocation, '/api/v1/status');
      process.stdout.write(`read again: ${reconciledText(status)}\n`);
    }
    if (balance === 0) return EXIT.fine;
    process.stderr.write(`The ledger does not reconcile: ${balance} readings are unaccounted for.\n`);
    return EXIT.degraded;
  },
};

/** received − counted − duplicate − Σquarantined − Σrejected; anything but 0 is a defect. */
export function imbalance(ledger: LedgerAnswer): number {
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, n) => total + n, 0);
  return ledger.received - ledger.counted - ledger.duplicate - sum(ledger.quarantined) - sum(ledger.rejected);
}

function print(ledger: LedgerAnswer): string {
  const lines: [string, number][] = [
    ['received', ledger.received],
    ['counted', ledger.counted],
    ['  on time', ledger.onTime],
    ['  late, merged', ledger.lateMerged],
    ...(ledger.lateUnproven ? ([['  without proof', ledger.lateUnproven]] as [string, number][]) : []),
    ['duplicate', ledger.duplicate],
    ...Object.entries(ledger.quarantined).map(([reason, n]): [string, number] => [
      `quarantined: ${reason}`,
      n,
    ]),
    ...Object.entries(ledger.rejected).map(([reason, n]): [string, number] => [`rejected: ${reason}`, n]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, n]) => `${name.padEnd(width)}  ${String(n).padStart(14)}\n`).join('');
}
