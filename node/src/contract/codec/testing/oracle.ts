import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../../limits.ts';
import type { QuarantineReason } from '../../reading/section.ts';
import type { FieldSpec, StreamSpec } from '../../site/model.ts';

/**
 * What a payload means, said once more as plainly as possible: JSON.parse, regular expressions, big integers and Date.
 * The codec must agree with it on every input. Topics play no part here.
 */

export interface Reading {
  key: string;
  time: number;
  /** By field; absent values are left out. */
  cells: Record<string, number | string>;
}

export interface Meaning {
  readings: Reading[];
  aside: { reason: QuarantineReason; value: unknown }[];
}

/** A number as it was spelled. */
class Numeral {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

const ORDER: QuarantineReason[] = ['malformed', 'impossible', 'clock'];

export function meaningOf(stream: StreamSpec, payload: Uint8Array, arrivalMs: number): Meaning {
  const whole: Meaning = { readings: [], aside: [{ reason: 'malformed', value: payload }] };
  const parsed = parse(payload);
  if (parsed === undefined || parsed === null || typeof parsed !== 'object' || parsed instanceof Numeral)
    return whole;
  if (!Array.isArray(parsed)) return meaningOfAll(stream, [parsed], arrivalMs);
  if (parsed.length === 0 || parsed.length > LIMITS.packReadings) return whole;
  return meaningOfAll(stream, parsed, arrivalMs);
}

function parse(payload: Uint8Array): unknown {
  if (payload.length > LIMITS.payloadBytes || !isUtf8(payload)) return undefined;
  const text = Buffer.from(payload).toString();
  // A byte order mark is taken off by Buffer's decoder nowhere, and JSON.parse refuses it.
  try {
    const parsed = JSON.parse(text, numeralReviver as (key: string, value: unknown) => unknown);
    return depthOf(text) > LIMITS.jsonDepth ? undefined : parsed;
  } catch {
    return undefined;
  }
}

function numeralReviver(_key: string, value: unknown, context: { source: string }): unknown {
  return typeof value === 'number' ? new Numeral(context.source) : value;
}

/** Of JSON that is known to be well-formed. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token[0] === '[' || token[0] === '{') deepest = Math.max(deepest, ++depth);
    if (token[0] === ']' || token[0] === '}') depth--;
  }
  return deepest;
}

function meaningOfAll(stream: StreamSpec, values: unknown[], arrivalMs: number): Meaning {
  const meaning: Meaning = { readings: [], aside: [] };
  for (const value of values) {
    const reading = readingOf(stream, value, arrivalMs);
    if (typeof reading === 'string') meaning.aside.push({ reason: reading, value: plain(value) });
    else meaning.readings.push(reading);
  }
  return meaning;
}

/** Numerals back to numbers, to be compared with JSON.parse of what was set aside. */
function plain(value: unknown): unknown {
  if (value instanceof Numeral) return Number(value.source);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function readingOf(stream: StreamSpec, value: unknown, arrivalMs: number): Reading | QuarantineReason {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Numeral) {
    return 'malformed';
  }
  const faults = new Set<QuarantineReason>();
  const take = <T>(name: string, read: (raw: unknown) => T | QuarantineReason | null): T | null => {
    const raw = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : null;
    const taken = raw === null ? null : read(raw);
    if (ORDER.includes(taken as QuarantineReason)) faults.add(taken as QuarantineReason);
    return taken as T | null;
  };
  const key = take(stream.keyField, (raw) => wrapped(keyOf(raw)));
  const time = stream.timeField === null ? arrivalMs : take(stream.timeField, timeOf);
  const cells: Reading['cells'] = {};
  for (const spec of stream.fields) {
    const cell = take(spec.name, (raw) => cellOf(spec, raw));
    if (cell !== null) cells[spec.name] = typeof cell === 'object' ? cell.text : cell;
  }
  if (key === null || time === null) faults.add('malformed');
  const worst = ORDER.find((reason) => faults.has(reason));
  if (worst !== undefined) return worst;
  if ((time as number) > arrivalMs + LIMITS.futureMs) return 'clock';
  return { key: (key as { text: string }).text, time: time as number, cells };
}

/** Texts travel in an object, so that the text `clock` is not taken for a fault. */
function wrapped(text: string | { fault: QuarantineReason }): { text: string } | QuarantineReason {
  return typeof text === 'string' ? { text } : text.fault;
}

function keyOf(raw: unknown): string | { fault: QuarantineReason } {
  let text = raw;
  if (raw instanceof Numeral && /^-?\d+$/.test(raw.source)) text = raw.source === '-0' ? '0' : raw.source;
  if (typeof text !== 'string' || text === '') return { fault: 'malformed' };
  const controls = [...text].some((char) => char < ' ' || char === '\x7f');
  if (Buffer.byteLength(text) > LIMITS.keyBytes || controls || !text.isWellFormed())
    return { fault: 'impossible' };
  return text;
}

function cellOf(spec: FieldSpec, raw: unknown): number | { text: string } | QuarantineReason {
  if (spec.type === 'text') {
    if (typeof raw !== 'string') return 'malformed';
    return Buffer.byteLength(raw) > LIMITS.textBytes ? 'impossible' : { text: raw.toWellFormed() };
  }
  if (spec.type === 'bool') return boolOf(raw);
  if (raw instanceof Numeral) return scaled(raw.source, spec.decimals);
  if (typeof raw !== 'string') return 'malformed';
  if (/^(nan|[+-]?inf(inity)?)$/i.test(raw)) return 'impossible';
  return /^-?\d+(\.\d+)?$/.test(raw) ? scaled(raw, spec.decimals) : 'malformed';
}

function boolOf(raw: unknown): number | QuarantineReason {
  if (typeof raw === 'boolean') return raw ? 1 : 0;
  const text =
    raw instanceof Numeral ? raw.source : typeof raw === 'string' && !/^[01]$/.test(raw) ? raw : '';
  if (/^(1|on)$/i.test(text)) return 1;
  return /^(0|off)$/i.test(text) ? 0 : 'malformed';
}

/** mantissa × 10^exponent, the exponent clamped where it no longer matters. */
function exactly(source: string): { mantissa: bigint; exponent: number } {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
    source,
  )!;
  const mantissa = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  const clamped = Math.max(-1e6, Math.min(1e6, Number(exponent)));
  return { mantissa, exponent: mantissa === 0n ? 0 : clamped - fraction.length };
}

function times10(mantissa: bigint, exponent: number, round: boolean): bigint | null {
  if (exponent > 400) return mantissa === 0n ? 0n : null;
  if (exponent >= 0) return mantissa * 10n ** BigInt(exponent);
  const digits = mantissa.toString().length;
  if (-exponent > digits + 1) return 0n;
  const divisor = 10n ** BigInt(-exponent);
  const half = round ? divisor / 2n : 0n;
  return (mantissa < 0n ? mantissa - half : mantissa + half) / divisor;
}

function scaled(source: string, decimals: number): number | QuarantineReason {
  const { mantissa, exponent } = exactly(source);
  const value = times10(mantissa, exponent + decimals, true);
  if (value === null || value > BigInt(LIMITS.scaledMax) || value < -BigInt(LIMITS.scaledMax))
    return 'impossible';
  return Number(value);
}

function timeOf(raw: unknown): number | QuarantineReason {
  if (raw instanceof Numeral) return epochOf(raw.source);
  if (typeof raw !== 'string') return 'malformed';
  return /^-?\d+(\.\d+)?$/.test(raw) ? epochOf(raw) : isoOf(raw);
}

function epochOf(source: string): number | QuarantineReason {
  const { mantissa, exponent } = exactly(source);
  const below = (power: number) => {
    const whole = times10(mantissa, exponent, false);
    return whole !== null && whole < 10n ** BigInt(power);
  };
  const shift = below(11) ? 3 : below(14) ? 0 : below(17) ? -3 : -6;
  const ms = times10(mantissa, exponent + shift, false);
  if (ms === null || ms > BigInt(LIMITS.scaledMax)) return 'impossible';
  return bounded(Number(ms));
}

function bounded(ms: number): number | QuarantineReason {
  return ms < Date.UTC(1990, 0, 1) ? 'impossible' : ms;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?$/;

function isoOf(text: string): number | QuarantineReason {
  const parts = text.length <= 64 ? ISO.exec(text) : null;
  if (parts === null) return 'malformed';
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const offset = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0);
  const day0 = new Date(Date.UTC(2000, month - 1, day));
  day0.setUTCFullYear(year, month - 1, day);
  const exists = month >= 1 && month <= 12 && day0.getUTCMonth() === month - 1 && day0.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59) return 'impossible';
  if (Number(parts[9] ?? 0) > 23 || Number(parts[10] ?? 0) > 59) return 'impossible';
  const fraction = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  const ms = day0.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
  return bounded(ms - offset * 60_000 * (parts[8] === '-' ? -1 : 1));
}
