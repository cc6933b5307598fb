import { WeirError } from '@weir/node/contract';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function wrong(option: string, text: string, wants: string): WeirError {
  return new WeirError('WEIR_USAGE', `--${option} wants ${wants}, not “${text}”.`, { field: option });
}

/** `5s`, `1.5h`, `250ms` in milliseconds. */
export function durationMs(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw wrong(option, text, 'a duration such as 5s, 15m or 2h');
  return Number(match[1]) * UNIT_MS[match[2]];
}

export function numberIn(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw wrong(
      option,
      text,
      most === Number.MAX_VALUE ? `a number of at least ${least}` : `${least} to ${most}`,
    );
  return value;
}

export function wholeIn(option: string, text: string, least: number, most: number): number {
  const value = numberIn(option, text, least, most);
  if (!Number.isInteger(value)) throw wrong(option, text, 'a whole number');
  return value;
}

export function oneOf<const T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === text);
  if (found === undefined) throw wrong(option, text, `one of ${allowed.join(', ')}`);
  return found;
}

/** `host:port`, `[::1]:port`, or a host alone with MQTT's port. */
export function hostPort(option: string, text: string, port: number): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null || Number(match[3] ?? port) > 65_535) throw wrong(option, text, 'HOST:PORT');
  return { host: match[1] ?? match[2], port: Number(match[3] ?? port) };
}

/** An ISO time, or a duration that says how long ago. */
export function instantMs(option: string, text: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(text)) return nowMs - durationMs(option, text);
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw wrong(option, text, 'a time in ISO 8601, or how long ago, such as 2h');
  return time;
}
