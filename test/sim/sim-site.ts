import { parseSite, type Site } from '../../node/src/contract/index.ts';
import type { Draw } from './draw.ts';

/** Hours of retention that bite within a run, and a span that never does. */
const KEEPS = [
  { tiers: { '1m': '400d', '15m': '400d', '1h': '400d', '1d': '10y' }, raw: '400d' },
  { tiers: { '1m': '2h', '15m': '8h', '1h': '2d', '1d': '10y' }, raw: '6h' },
  { tiers: { '1m': '1h', '15m': '4h', '1h': '1d', '1d': '10y' }, raw: '1h' },
];

const IDS = ['', 'id: [meter, ts]', 'id: [meter, ts, watts]'];
/** A register that is believed whatever it shows, and ones that are judged. */
const BELIEVED = '{ type: counter, decimals: 3 }';
const JUDGED = [
  '{ type: counter, decimals: 3, maxRate: 500/h, noise: 0.005 }',
  '{ type: counter, decimals: 3, modulus: 4200000, maxGap: 30m }',
];
const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns'];

/** Every measure that one bucket can hold, shared out over rollups so that a run need not look at all of them. */
const ROLLUPS = [
  'kwh: increase(kwh), power: rate(kwh), readings: count()',
  'watts: mean(watts), peak: max(watts), low: min(watts), total: sum(watts)',
  'load: timeMean(watts), spread: stddev(kwh), levels: distinct(watts), ratio: spread / levels',
  'half: p50(watts), most: p95(watts), meters: distinct(meter), states: distinct(state), often: top(state)',
  'opening: first(kwh), closing: last(kwh), kwh: increase(kwh), readings: count()',
];

export interface SimSite {
  site: Site;
  /** Whether anything of a run's span is forgotten. */
  forgets: boolean;
}

const parsed = new Map<string, Site>();

/** One of the site files that the simulation knows, by draw. */
export function simSite(draw: Draw, judged: boolean): SimSite {
  const keep = draw.of(KEEPS);
  const tiers = Object.entries(keep.tiers).map(([width, span]) => `${width}: ${span}`);
  const id = draw.of(IDS);
  const text = `weir: 1
site: { name: Simulation, timezone: ${draw.of(ZONES)} }
streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    lateness: ${draw.of(['2m', '15m'])}
    beyondRaw: ${draw.of(['merge', 'quarantine'])}
    ${id}
    fields:
      kwh: ${judged ? draw.of(JUDGED) : BELIEVED}
      watts: { type: gauge, decimals: 1 }
      state: text
rollups:
  usage:
    of: electricity
    by: ${draw.of(['[[meter], [state], []]', '[[meter], [meter, state]]'])}
    measures: { ${draw.of(ROLLUPS)} }
    tiers: { ${tiers.join(', ')} }
retention: { raw: ${keep.raw} }
`;
  let site = parsed.get(text);
  if (site === undefined) {
    const answer = parseSite(text, 'simulation.yaml');
    if (answer.site === null) throw new Error(JSON.stringify(answer.faults));
    site = answer.site;
    parsed.set(text, site);
  }
  return { site, forgets: keep !== KEEPS[0] };
}
