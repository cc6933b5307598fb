import { readFileSync } from 'node:fs';
import { type Invocation, WeirError } from '@weir/node/contract';

/** What the commands of this room share in reading what they were given. */
export function text({ options }: Invocation, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function flag({ options }: Invocation, name: string): boolean {
  return options[name] === true;
}

/** A whole number of days within bounds, or undefined where none was given. */
export function days(invocation: Invocation, name: string, most: number): number | undefined {
  const given = text(invocation, name);
  if (given === undefined) return undefined;
  const value = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (value >= 1 && value <= most) return value;
  throw new WeirError('WEIR_USAGE', `--${name} takes 1 to ${most} days, not ${JSON.stringify(given)}`, {
    field: name,
  });
}

/** A file that the command line names. */
export function readNamed(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new WeirError('WEIR_USAGE', `cannot read ${path}: ${why}`, { cause });
  }
}

export function print(invocation: Invocation, data: object, lines: readonly string[]): void {
  process.stdout.write(
    invocation.json ? `${JSON.stringify(data)}\n` : lines.map((line) => `${line}\n`).join(''),
  );
}
