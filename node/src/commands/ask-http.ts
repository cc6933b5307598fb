import { WeirError } from '../contract/index.ts';
import type { Invocation, Option } from './command.ts';
import { text } from './command.ts';

/** Commands ask a running appliance over HTTP, as any other client would. */
export const URL_OPTIONS: Record<string, Option> = {
  url: { type: 'string', value: 'URL', help: 'the appliance to ask', default: 'http://127.0.0.1:8080' },
  token: { type: 'string', value: 'TOKEN', help: 'access token, where one is needed (WEIR_TOKEN)' },
};

interface FaultBody {
  error?: { code?: string; message?: string; suggestion?: string };
}

export async function ask<T>(invocation: Invocation, path: string): Promise<T> {
  const answer = await open(invocation, path, 'application/json');
  return (await answer.json()) as T;
}

/** Something to be recorded. */
export function send<T>(invocation: Invocation, path: string, body: object): Promise<T> {
  return tell<T>(invocation, 'POST', path, body);
}

/** A question that changes something. */
export async function tell<T>(
  invocation: Invocation,
  method: 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await open(invocation, path, 'application/json', {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return (await answer.json()) as T;
}

export async function open(
  invocation: Invocation,
  path: string,
  accept: string,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const base = text(invocation, 'url') ?? 'http://127.0.0.1:8080';
  // Not on the command line, where every user of the machine could read it.
  const token = text(invocation, 'token') ?? process.env.WEIR_TOKEN;
  const headers: Record<string, string> = { ...init.headers, accept };
  if (token) headers.authorization = `Bearer ${token}`;
  let answer: Response;
  try {
    answer = await fetch(new URL(path, base), { ...init, headers });
  } catch (cause) {
    throw new WeirError(
      'WEIR_UNREACHABLE',
      `nothing answers at ${base}; is it running? Try: weir up, or --url`,
      { cause },
    );
  }
  if (!answer.ok) throw await faultOf(answer, base);
  return answer;
}

async function faultOf(answer: Response, base: string): Promise<WeirError> {
  if (answer.status === 401 || answer.status === 403)
    return new WeirError(
      'WEIR_NOT_ALLOWED',
      `${base} answers ${answer.status}; give an access token with --token`,
    );
  const body = (await answer.json().catch(() => ({}))) as FaultBody;
  const message = body.error?.message ?? `${base} answers ${answer.status}`;
  const more = body.error?.suggestion ? { suggestion: body.error.suggestion } : {};
  if (answer.status === 503) return new WeirError('WEIR_NOT_READY', message, more);
  if (answer.status === 429) return new WeirError('WEIR_BUSY', message, more);
  if (answer.status === 422) return new WeirError('WEIR_SITE_INVALID', message, more);
  if (answer.status === 404) return new WeirError('WEIR_NOT_FOUND', message, more);
  return new WeirError('WEIR_BAD_QUESTION', message, more);
}
