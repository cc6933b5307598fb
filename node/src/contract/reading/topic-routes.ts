import { JsonReadings } from '../codec/json-readings.ts';
import type { Site } from '../site/model.ts';
import { Batch } from './batch.ts';
import { TopicFill } from './topic-fill.ts';
import { TopicLevels } from './topic-levels.ts';

/** One source of a stream: where its readings go. */
export interface Route {
  stream: string;
  filter: string[];
  batch: Batch;
  readings: JsonReadings;
  fill: TopicFill;
}

/** Which stream takes a topic. No two sources of a site match the same one, so the first that does is the one. */
export class TopicRoutes {
  /** One a stream, in the order of the site. */
  readonly batches: Batch[] = [];
  /** Of the topic asked for last. */
  readonly levels = new TopicLevels();
  readonly #routes: Route[] = [];
  #newest: Route | null = null;

  constructor(site: Site) {
    for (const stream of site.streams) {
      const batch = new Batch(stream);
      this.batches.push(batch);
      for (const source of stream.sources) {
        const readings = new JsonReadings(stream, source, batch);
        const fill = new TopicFill(stream, source, batch);
        this.#routes.push({ stream: stream.name, filter: source.filter.split('/'), batch, readings, fill });
      }
    }
  }

  /** HOT */
  of(topic: string): Route | null {
    if (topic === this.levels.topic) return this.#newest;
    this.levels.aim(topic);
    this.#newest = null;
    for (let at = 0; at < this.#routes.length && this.#newest === null; at++) {
      if (this.levels.match(this.#routes[at].filter)) this.#newest = this.#routes[at];
    }
    return this.#newest;
  }
}
