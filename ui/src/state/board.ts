import { computed, effect, signal } from '@preact/signals';
import type { LedgerAnswer, SiteAnswer, StatusAnswer } from '@weir/node/contract';
import { asFault, ask, loginNeeded } from '../api/ask.ts';
import type { AskFault } from '../api/fault.ts';
import { polled } from './poll.ts';
import { type Selection, select } from './selection.ts';
import { view } from './view.ts';

/** What the page knows of the board: its site, and how it is. */
export const site = signal<SiteAnswer | null>(null);
export const siteFault = signal<AskFault | null>(null);
export const status = polled<StatusAnswer>(3_000);
export const ledger = polled<LedgerAnswer>(3_000);

export const selection = computed<Selection | null>(() =>
  site.value ? select(site.value, view.value) : null,
);

const RETRY_MS = 3_000;
let stopPolls: (() => void) | null = null;

/** Asks until the site is there; after a log-in it starts over. */
export function startBoard(): void {
  effect(() => {
    if (loginNeeded.value) {
      stopPolls?.();
      stopPolls = null;
    } else void loadSite();
  });
}

async function loadSite(): Promise<void> {
  try {
    site.value = await ask<SiteAnswer>('/api/v1/site');
    siteFault.value = null;
    document.title = `${site.value.name} · Weir`;
    stopPolls?.();
    const stops = [status.start('/api/v1/status'), ledger.start('/api/v1/ledger')];
    stopPolls = () => {
      for (const stop of stops) stop();
    };
  } catch (caught) {
    if (loginNeeded.peek()) return;
    siteFault.value = asFault(caught);
    setTimeout(loadSite, RETRY_MS);
  }
}
