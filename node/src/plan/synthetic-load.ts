import {
  type FieldSpec,
  hashBytes,
  LIMITS,
  type SourceSpec,
  type StreamSpec,
  shardOfHash,
} from '../contract/index.ts';

/** What one stream is going to be sent. */
export interface StreamLoad {
  stream: StreamSpec;
  keys: number;
  /** Between two readings of one key. */
  everyMs: number;
  /** Readings in one message. */
  pack: number;
  /** Different values of each text field. */
  values: number;
}

export interface SyntheticMessage {
  topic: string;
  payload: Uint8Array;
  readings: number;
}

/**
 * As noisy as measurements are at their worst: a register that takes steps of up to 60 kWh, a power of up to 100 kW.
 * What is calmer is packed into less.
 */
const STEP_UNITS = 30_000;
const GAUGE_UNITS = 1_000_000;

const encoder = new TextEncoder();

/**
 * Messages of invented devices, as the site file describes them: counters that grow, gauges that wander, texts of a few
 * values. In the order of time; the same each time.
 */
export class SyntheticLoad {
  readonly #load: StreamLoad;
  /** Number of each key; of a part of the shards' keys some are left out. */
  readonly #keys: number[];
  readonly #startMs: number;
  readonly #source: SourceSpec;
  /** Whether one message brings readings of several keys. */
  readonly #mixed: boolean;

  /** With `shards` all keys are of the first so many. */
  constructor(load: StreamLoad, keys: number, startMs: number, shards: number = LIMITS.shards) {
    this.#load = load;
    this.#keys = [];
    for (let key = 0; this.#keys.length < keys; key++) if (shardOfKey(key) < shards) this.#keys.push(key);
    this.#startMs = startMs;
    const { sources, keyField } = load.stream;
    const names = (source: SourceSpec) => source.topicFields.some(({ field }) => field === keyField);
    const concentrator = sources.find((source) => !names(source));
    this.#mixed = load.pack > 1 && concentrator !== undefined;
    this.#source = (this.#mixed ? concentrator : sources.find(names)) ?? sources[0];
  }

  /** All keys once: the round's number says when. */
  *round(round: number): Generator<SyntheticMessage> {
    const { pack } = this.#load;
    if (this.#mixed || pack === 1) {
      for (let key = 0; key < this.#keys.length; key += pack)
        yield this.#message(key, Math.min(this.#keys.length, key + pack), round, round + 1);
    } else if (round % pack === pack - 1)
      for (let key = 0; key < this.#keys.length; key++)
        yield this.#message(key, key + 1, round + 1 - pack, round + 1);
  }

  #message(fromKey: number, toKey: number, fromRound: number, toRound: number): SyntheticMessage {
    const readings: string[] = [];
    for (let round = fromRound; round < toRound; round++)
      for (let key = fromKey; key < toKey; key++) readings.push(this.#reading(this.#keys[key], round));
    const text = readings.length === 1 ? readings[0] : `[${readings.join(',')}]`;
    return {
      topic: this.#topic(this.#keys[fromKey]),
      payload: encoder.encode(text),
      readings: readings.length,
    };
  }

  #topic(key: number): string {
    const levels = this.#source.filter.split('/');
    for (const { field, level } of this.#source.topicFields) levels[level] = this.#text(field, key);
    return levels
      .map((level) => (level === '+' || level === '#' ? `c${Math.floor(key / 100)}` : level))
      .join('/');
  }

  #reading(key: number, round: number): string {
    const { stream, everyMs } = this.#load;
    const inTopic = new Set(this.#source.topicFields.map(({ field }) => field));
    const parts: string[] = [];
    if (!inTopic.has(stream.keyField)) parts.push(`${JSON.stringify(stream.keyField)}:"${keyName(key)}"`);
    const phaseMs = mixed(key, 0) % everyMs;
    if (stream.timeField !== null)
      parts.push(`${JSON.stringify(stream.timeField)}:${this.#startMs + round * everyMs + phaseMs}`);
    for (const field of stream.fields)
      if (!inTopic.has(field.name))
        parts.push(`${JSON.stringify(field.name)}:${this.#value(field, key, round)}`);
    return `{${parts.join(',')}}`;
  }

  #value(field: FieldSpec, key: number, round: number): string {
    switch (field.type) {
      case 'text':
        return `"${this.#text(field.name, key)}"`;
      case 'bool':
        return String(mixed(key, round) % 2 === 0);
      case 'counter': {
        const units = (mixed(key, 1) % 1_000_000) + round * STEP_UNITS + (mixed(key, round) % STEP_UNITS);
        return (units / 10 ** Math.min(3, field.decimals)).toFixed(Math.min(3, field.decimals));
      }
      default: {
        const units = mixed(key, round) % GAUGE_UNITS;
        return (units / 10 ** Math.min(1, field.decimals)).toFixed(Math.min(1, field.decimals));
      }
    }
  }

  #text(field: string, key: number): string {
    if (field === this.#load.stream.keyField) return keyName(key);
    return `v${mixed(key, field.length) % this.#load.values}`;
  }
}

function shardOfKey(key: number): number {
  const name = encoder.encode(keyName(key));
  return shardOfHash(hashBytes(name, 0, name.length));
}

function keyName(key: number): string {
  return `m${String(key).padStart(6, '0')}`;
}

/** Bits that look like chance and are the same each time. */
function mixed(a: number, b: number): number {
  let hash = Math.imul(a + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
