import { signal } from '@preact/signals';

/** Screens have wrong clocks too, so the page keeps the board's time: what is newest there is at the right edge here. */
let offsetMs = 0;

/** The Date header tells whole seconds, so less than this is no difference. */
const NOTICEABLE_MS = 2_000;

export const boardNow = (): number => Date.now() + offsetMs;

export function noteBoardDate(header: string | null): void {
  const date = Date.parse(header ?? '');
  if (Number.isNaN(date)) return;
  // Half a second on average was cut off.
  const seen = date + 500 - Date.now();
  if (Math.abs(seen - offsetMs) > NOTICEABLE_MS) offsetMs = seen;
  else if (Math.abs(seen) < NOTICEABLE_MS) offsetMs = 0;
}

/** Ticks once a second while the page is seen. */
export const now = signal(boardNow());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = boardNow();
  }, 1_000);
}
