import { LIMITS } from '../limits.ts';

const SLASH = 47;
const DOLLAR = 36;
const encoder = new TextEncoder();

/** A topic and where its levels lie in it, without a string for each of them. */
export class TopicLevels {
  topic = '';
  /** 0 when the topic has more levels than any may have. */
  count = 0;
  /** Level i is `topic[starts[i] .. starts[i + 1] - 1]`. */
  readonly starts = new Uint32Array(LIMITS.topicLevels + 1);

  /** HOT */
  aim(topic: string): void {
    this.topic = topic;
    let level = 0;
    for (let at = 0; at < topic.length; at++) {
      if (topic.charCodeAt(at) !== SLASH) continue;
      if (++level === LIMITS.topicLevels) {
        this.count = 0;
        return;
      }
      this.starts[level] = at + 1;
    }
    this.count = level + 1;
    this.starts[this.count] = topic.length + 1;
  }

  /** MQTT 3.1.1, 4.7: `+` is one level, `#` the rest and the level above it; neither takes a first level with `$`. HOT */
  match(filter: readonly string[]): boolean {
    const { topic, starts, count } = this;
    if (count === 0) return false;
    if (topic.charCodeAt(0) === DOLLAR && (filter[0] === '+' || filter[0] === '#')) return false;
    for (let level = 0; level < filter.length; level++) {
      const part = filter[level];
      if (part === '#') return true;
      if (level >= count) return false;
      if (part === '+') continue;
      const from = starts[level];
      if (starts[level + 1] - 1 - from !== part.length || !topic.startsWith(part, from)) return false;
    }
    return filter.length === count;
  }

  /** The level in UTF-8 into `bytes`; its length, or -1 when it does not fit. HOT */
  write(level: number, bytes: Uint8Array): number {
    const { topic } = this;
    const from = this.starts[level];
    const length = this.starts[level + 1] - 1 - from;
    if (length > bytes.length) return -1;
    for (let at = 0; at < length; at++) {
      const code = topic.charCodeAt(from + at);
      if (code > 127) return this.#writeWide(topic.slice(from, from + length), bytes);
      bytes[at] = code;
    }
    return length;
  }

  #writeWide(text: string, bytes: Uint8Array): number {
    const { read, written } = encoder.encodeInto(text, bytes);
    return read === text.length ? written : -1;
  }
}
