import { useSignal } from '@preact/signals';
import type { LedgerAnswer, StatusAnswer } from '@weir/node/contract';
import { formatCount } from '../format/number.ts';
import { dayName } from '../format/time.ts';
import { FaultNote } from '../parts/fault-note.tsx';
import { Icon } from '../parts/icon.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { ledger, site, status } from '../state/board.ts';
import { quarantinedOf, reconciles, rejectedOf } from '../state/health.ts';
import { Figure } from './figure.tsx';
import { SetAside } from './set-aside.tsx';

/** What became of every reading, in a line. */
export function LedgerLine() {
  const answer = ledger.answer.value;
  return (
    <section class={`card line ledger${ledger.fault.value ? ' is-old' : ''}`} aria-labelledby="ledger-title">
      <div class="line-head">
        <h2 id="ledger-title">Ledger</h2>
        {answer ? <Reconciles answer={answer} /> : null}
      </div>
      {ledger.fault.value && !answer ? <FaultNote fault={ledger.fault.value} /> : null}
      {status.answer.value ? <ReadAgain reconciled={status.answer.value.reconciled} /> : null}
      {answer ? <Figures answer={answer} /> : <Skeleton kind="line" />}
      {answer ? <Explanation answer={answer} /> : null}
    </section>
  );
}

function Reconciles({ answer }: { answer: LedgerAnswer }) {
  const isRight = reconciles(answer);
  return (
    <p class={`mark-${isRight ? 'good' : 'bad'}`}>
      <Icon name={isRight ? 'good' : 'bad'} />
      {isRight ? 'reconciles' : 'does not add up'}
    </p>
  );
}

/** What the nightly job found when it read the last day again. */
function ReadAgain({ reconciled }: Pick<StatusAnswer, 'reconciled'>) {
  if (reconciled === null || reconciled.from === null) return null;
  const { from, state, differences, fault } = reconciled;
  const found =
    state !== 'applied'
      ? `could not be read again${fault === null ? '' : `: ${fault}`}`
      : differences === 0
        ? 'read again: nothing differed'
        : `read again: ${formatCount(differences)} buckets corrected`;
  return (
    <p class={`hint${state === 'applied' ? '' : ' mark-bad'}`}>
      {dayName(from, site.value?.timezone ?? 'UTC')} {found}
    </p>
  );
}

function Figures({ answer }: { answer: LedgerAnswer }) {
  return (
    <dl class="figures">
      <Figure name="received">{formatCount(answer.received)}</Figure>
      <Figure name="counted">{formatCount(answer.counted)}</Figure>
      <Figure name="late, merged" title="Part of counted">
        {formatCount(answer.lateMerged)}
      </Figure>
      <Figure name="duplicates">{formatCount(answer.duplicate)}</Figure>
      <Figure name="quarantined">{formatCount(quarantinedOf(answer))}</Figure>
      <Figure name="rejected">{formatCount(rejectedOf(answer))}</Figure>
    </dl>
  );
}

const REASONS: Record<string, string> = {
  malformed: 'could not be read',
  impossible: 'a value that cannot be',
  conflict: 'same identity, other content',
  clock: 'a time in the future',
  unknown: 'a topic or field that the site does not know',
  size: 'too large',
  limits: 'past a limit of the device',
  credentials: 'wrong or missing credentials',
};

function Explanation({ answer }: { answer: LedgerAnswer }) {
  const isOpen = useSignal(false);
  return (
    <details
      class="explain"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>What do these mean?</summary>
      <p class="equation num">
        <span>{formatCount(answer.received)} received</span> ={' '}
        <span>{formatCount(answer.counted)} counted</span> +{' '}
        <span>{formatCount(answer.duplicate)} duplicates</span> +{' '}
        <span>{formatCount(quarantinedOf(answer))} quarantined</span> +{' '}
        <span>{formatCount(rejectedOf(answer))} rejected</span>
      </p>
      <p>
        Every reading since the beginning ends in one of four ways. Late ones are counted too:{' '}
        {formatCount(answer.lateMerged)} came after their bucket and were merged into it. Duplicates count
        once. What is quarantined is kept to be looked at; what is rejected was refused before it was stored.
      </p>
      <Reasons title="Quarantined" counts={answer.quarantined} />
      <Reasons title="Rejected" counts={answer.rejected} />
      {isOpen.value ? <SetAside /> : null}
    </details>
  );
}

function Reasons({ title, counts }: { title: string; counts: Record<string, number> }) {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return null;
  return (
    <p class="reasons">
      <strong>{title}:</strong>{' '}
      {entries.map(([reason, count]) => (
        <span key={reason} class="reason">
          <span class="num">{formatCount(count)}</span> {reason}
          {reason in REASONS ? <span class="hint"> ({REASONS[reason]})</span> : null}
        </span>
      ))}
    </p>
  );
}
