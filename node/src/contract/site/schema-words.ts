import { Type } from 'typebox';
import { DURATION_PATTERN } from '../time/duration.ts';

/** Words that the parts of the site file's schema are written with. */

/** A name of the file stands in addresses, topics and metric names, so it is a plain word. */
export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_]{0,62}$';

export const closed = { additionalProperties: false };

export function text(kind: string, pattern: string, description: string, fallback?: string) {
  return Type.String({
    pattern,
    description,
    'x-kind': kind,
    ...(fallback !== undefined && { default: fallback }),
  });
}

export const name = (description: string) => text('name', NAME_PATTERN, description);
export const duration = (description: string, fallback?: string) =>
  text('duration', DURATION_PATTERN, description, fallback);
export const plain = (description: string, fallback?: string) =>
  text('text', '^[^\\u0000-\\u001f\\u007f]{0,128}$', description, fallback);
export const file = (description: string) => text('file', '^[^\\u0000-\\u001f\\u007f]{1,1024}$', description);
