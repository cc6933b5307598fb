import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { SourceSpec } from './model.ts';
import type { Draft, SiteFile } from './schema.ts';
import { overlap, parsePattern } from './topic-pattern.ts';

export interface PlacedSource {
  source: SourceSpec;
  place: string;
}

/** The sources that could be read, each with its place in the file. */
export function resolveSources(
  given: Draft<SiteFile['streams'][string]['from']> | undefined,
  path: string,
  faults: FaultList,
): PlacedSource[] {
  const list = Array.isArray(given) ? given : [given];
  const sources: PlacedSource[] = [];
  for (const [at, from] of list.entries()) {
    if (from === undefined) continue;
    const place = Array.isArray(given) ? `${path}.from.${at}` : `${path}.from`;
    const { source, faults: found } = parsePattern(from);
    for (const fault of found) faults.at(place, `${place}: ${fault.message}`, fault.suggestion, fault.within);
    if (source !== null) sources.push({ source, place });
  }
  return sources;
}

/** No two sources of the site match the same topic: a reading belongs to one stream. */
export function judgeOverlaps(
  streams: Iterable<[name: string, sources: PlacedSource[]]>,
  faults: FaultList,
): void {
  const before: { source: SourceSpec; stream: string }[] = [];
  for (const [stream, sources] of streams) {
    for (const { source, place } of sources) {
      for (const other of before) {
        const topic = overlap(source.filter, other.source.filter);
        if (topic === null) continue;
        const whose = other.stream === stream ? 'the same stream' : `streams.${other.stream}`;
        faults.at(
          place,
          `${place} ${quoted(source.from)} overlaps ${quoted(other.source.from)} of ${whose}`,
          `both match ${quoted(topic)}; a reading belongs to one stream`,
        );
      }
      before.push({ source, stream });
    }
  }
}
