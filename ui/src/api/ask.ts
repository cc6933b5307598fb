import { signal } from '@preact/signals';
import { noteBoardDate } from '../state/clock.ts';
import { AskFault, faultOf, unreachable } from './fault.ts';

/** Set by any answer of 401, and cleared by a log-in: the page shows its log-in form meanwhile. */
export const loginNeeded = signal(false);

/** Longer than the gateway's own bound, so that its words about it arrive. */
const PATIENCE_MS = 20_000;

export async function ask<T>(path: string, abort?: AbortSignal): Promise<T> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  return request<T>(path, { signal: abort ? AbortSignal.any([abort, patience]) : patience });
}

export async function logIn(given: { token: string } | { user: string; password: string }): Promise<void> {
  await request('/api/v1/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(given),
  });
  loginNeeded.value = false;
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await reach(path, init);
  noteBoardDate(answer.headers.get('date'));
  const body = await bodyOf(answer);
  if (answer.ok) {
    if (body === undefined) throw faultOf(502, null);
    return body as T;
  }
  if (answer.status === 401) loginNeeded.value = true;
  throw faultOf(answer.status, body);
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted && (init.signal.reason as Error)?.name !== 'TimeoutError') throw cause;
    throw unreachable();
  }
}

/** Undefined when the answer is not JSON, as from a proxy that speaks for the board. */
async function bodyOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause instanceof DOMException ? cause : unreachable();
  }
}

export const isAbort = (fault: unknown): boolean => (fault as Error | null)?.name === 'AbortError';

export const asFault = (fault: unknown): AskFault =>
  fault instanceof AskFault
    ? fault
    : new AskFault(0, `The page failed: ${(fault as Error)?.message ?? fault}`, 'Reload the page.');
