import { Icon } from '../parts/icon.tsx';
import { ledger, status } from '../state/board.ts';
import { type Finding, findings } from '../state/health.ts';

/** One look: all is well, or what is wrong in words. Colour, icon and text say the same. */
export function HealthBadge() {
  const found = current();
  const worst = found[0];
  if (worst === undefined) {
    return (
      <p class="health health-good" role="status">
        <Icon name="good" />
        <span>All is well</span>
      </p>
    );
  }
  return (
    <details class={`health health-${worst.level}`}>
      <summary>
        <Icon name={worst.level} />
        <span role="status">{worst.text}</span>
        {found.length > 1 ? <span class="more">+{found.length - 1}</span> : null}
      </summary>
      <ul class="findings">
        {found.map((finding) => (
          <li key={finding.text} class={`finding-${finding.level}`}>
            <Icon name={finding.level} />
            <div>
              <strong>{finding.text}.</strong>
              <p>{finding.advice}</p>
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

function current(): Finding[] {
  const { answer, fault } = status;
  if (fault.value) {
    const isAway = fault.value.status === 0;
    return [
      {
        level: isAway ? 'bad' : 'warn',
        text: fault.value.message.replace(/\.$/, ''),
        advice: fault.value.suggestion,
      },
    ];
  }
  if (!answer.value)
    return [{ level: 'unknown', text: 'Asking the board', advice: 'The first answer takes a moment.' }];
  return findings(answer.value, ledger.answer.value);
}
