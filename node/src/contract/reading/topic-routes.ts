import { JsonReadings } from '../codec/json-readings.ts';
import { LIMITS } from '../limits.ts';
import type { Site, SourceSpec, StreamSpec } from '../site/model.ts';
import { Batch } from './batch.ts';
import { TopicFill } from './topic-fill.ts';

/** Topics that are remembered with their stream. A million meters with a topic each must not cost a gigabyte. */
const TOPICS_KEPT = 16_384;

export interface Route {
  stream: string;
  batch: Batch;
  readings: JsonReadings;
  fill: TopicFill;
}

interface Source {
  stream: StreamSpec;
  spec: SourceSpec;
  levels: string[];
  batch: Batch;
  readings: JsonReadings;
}

/** Which stream takes a topic. No two sources of a site match the same one, so the first that does is the one. */
export class TopicRoutes {
  /** One a stream, in the order of the site. */
  readonly batches: Batch[] = [];
  readonly #sources: Source[] = [];
  readonly #known = new Map<string, Route | null>();

  constructor(site: Site) {
    for (const stream of site.streams) {
      const batch = new Batch(stream);
      this.batches.push(batch);
      for (const spec of stream.sources) {
        const readings = new JsonReadings(stream, spec, batch);
        this.#sources.push({ stream, spec, levels: spec.filter.split('/'), batch, readings });
      }
    }
  }

  /** HOT */
  of(topic: string): Route | null {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    if (this.#known.size >= TOPICS_KEPT) this.#known.clear();
    const route = this.#find(topic.split('/', LIMITS.topicLevels + 1));
    this.#known.set(topic, route);
    return route;
  }

  #find(levels: string[]): Route | null {
    if (levels.length > LIMITS.topicLevels) return null;
    for (const { stream, spec, levels: filter, batch, readings } of this.#sources) {
      if (!matchesFilter(filter, levels)) continue;
      return { stream: stream.name, batch, readings, fill: new TopicFill(stream, spec, batch, levels) };
    }
    return null;
  }
}

/** MQTT 3.1.1, 4.7: `+` is one level, `#` the rest and the level above it; neither takes a first level with `$`. */
function matchesFilter(filter: string[], levels: string[]): boolean {
  if (levels[0].startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false;
  for (let at = 0; at < filter.length; at++) {
    if (filter[at] === '#') return true;
    if (at >= levels.length || (filter[at] !== '+' && filter[at] !== levels[at])) return false;
  }
  return filter.length === levels.length;
}
