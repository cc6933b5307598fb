import { type Signal, signal } from '@preact/signals';
import { asFault, ask, isAbort } from '../api/ask.ts';
import type { AskFault } from '../api/fault.ts';

/** The newest answer to a question that is asked again and again; a fault keeps the answer before it. */
export interface Polled<T> {
  answer: Signal<T | null>;
  fault: Signal<AskFault | null>;
  /** Answers the function that stops it. */
  start(path: string): () => void;
  /** Asks now, because something else tells that the answer has changed. */
  nudge(): void;
}

const MAX_PAUSE_MS = 30_000;

/** One question at a time, none while the page is hidden, and fewer while they fail. */
export function polled<T>(everyMs: number): Polled<T> {
  const answer = signal<T | null>(null);
  const fault = signal<AskFault | null>(null);
  let nudge: (() => void) | null = null;
  const start = (path: string): (() => void) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let pauseMs = everyMs;
    let abort = new AbortController();
    const round = async (): Promise<void> => {
      clearTimeout(timer);
      abort.abort();
      abort = new AbortController();
      const mine = abort;
      try {
        answer.value = await ask<T>(path, mine.signal);
        fault.value = null;
        pauseMs = everyMs;
      } catch (caught) {
        if (isAbort(caught) || mine.signal.aborted) return;
        fault.value = asFault(caught);
        pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS);
      }
      if (!mine.signal.aborted && !document.hidden) timer = setTimeout(round, pauseMs);
    };
    const onVisible = (): void => {
      if (document.hidden) clearTimeout(timer);
      else void round();
    };
    document.addEventListener('visibilitychange', onVisible);
    nudge = () => void round();
    void round();
    return () => {
      nudge = null;
      document.removeEventListener('visibilitychange', onVisible);
      clearTimeout(timer);
      abort.abort();
    };
  };
  return { answer, fault, start, nudge: () => nudge?.() };
}
