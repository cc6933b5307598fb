import { meant, WeirError } from '@weir/node/contract';

/** Nothing has that name; says what it may have meant, or what there is. */
export function notFound(what: string, name: string, known: readonly string[], field?: string): WeirError {
  const hint = meant(name, known);
  return new WeirError('WEIR_NOT_FOUND', `there is no ${what} ${JSON.stringify(name)}.`, {
    field,
    suggestion: `${hint[0].toUpperCase()}${hint.slice(1)}${hint.endsWith('?') ? '' : '.'}`,
  });
}
