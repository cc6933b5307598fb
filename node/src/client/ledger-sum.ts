import type { LedgerAnswer } from '../contract/index.ts';

export function emptyLedger(): LedgerAnswer {
  return { received: 0, counted: 0, onTime: 0, lateMerged: 0, duplicate: 0, quarantined: {}, rejected: {} };
}

export function addLedger(sum: LedgerAnswer, more: LedgerAnswer): void {
  sum.received += more.received;
  sum.counted += more.counted;
  sum.onTime += more.onTime;
  sum.lateMerged += more.lateMerged;
  if (more.lateUnproven) sum.lateUnproven = (sum.lateUnproven ?? 0) + more.lateUnproven;
  sum.duplicate += more.duplicate;
  for (const [reason, n] of Object.entries(more.quarantined))
    sum.quarantined[reason] = (sum.quarantined[reason] ?? 0) + n;
  for (const [reason, n] of Object.entries(more.rejected))
    sum.rejected[reason] = (sum.rejected[reason] ?? 0) + n;
}
