import type { AskFault } from '../api/fault.ts';
import { Icon } from './icon.tsx';

/** What went wrong and what to do about it. */
export function FaultNote({ fault }: { fault: AskFault }) {
  return (
    <div class="fault" role="alert">
      <Icon name="warn" />
      <p>
        <strong>{fault.message}</strong> {fault.suggestion}
      </p>
    </div>
  );
}
