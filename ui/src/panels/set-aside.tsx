import type { QuarantineAnswer } from '@weir/node/contract';
import { useEffect } from 'preact/hooks';
import { moment } from '../format/time.ts';
import { site } from '../state/board.ts';
import { polled } from '../state/poll.ts';

const EVERY_MS = 10_000;
const newest = polled<QuarantineAnswer>(EVERY_MS);

/** The newest messages that were set aside. Topics and payloads are a device's own, and are shown as text. */
export function SetAside() {
  useEffect(() => newest.start('/api/v1/quarantine?limit=5'), []);
  const messages = newest.answer.value?.messages ?? [];
  if (messages.length === 0) return null;
  const zone = site.value?.timezone ?? 'UTC';
  return (
    <ul class="set-aside" aria-label="The newest that were quarantined">
      {messages.map((message) => (
        <li key={message.seq}>
          <span class="hint num">{moment(message.time, zone)}</span> <strong>{message.reason}</strong>{' '}
          <code>{message.topic}</code>
          <code class="payload">{message.payload}</code>
        </li>
      ))}
    </ul>
  );
}
