import { Calendar } from '../time/calendar.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, parseSize } from '../time/duration.ts';
import { isTimezone } from '../time/offsets.ts';
import { meant, nearest } from './did-you-mean.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { PanelSpec, RollupSpec, Site, TlsFiles } from './model.ts';
import { resolveRollups } from './resolve-rollups.ts';
import { span } from './resolve-span.ts';
import { resolveStreams } from './resolve-streams.ts';
import { attachTariffs, judgePriceDates, resolveTariffs } from './resolve-tariffs.ts';
import { resolveWear } from './resolve-wear.ts';
import type { Draft, SiteFile } from './schema.ts';

/** Judges what the schema cannot: names that refer to each other, and values that depend on each other. */
export function resolveSite(file: Draft<SiteFile>, fileName: string, faults: FaultList): Site {
  const timezone = judgeTimezone(file.site?.timezone ?? 'UTC', faults);
  const streams = resolveStreams(file.streams ?? {}, faults);
  const tariffs = resolveTariffs(file.site?.tariffs, timezone, faults);
  attachTariffs(file.streams ?? {}, streams, tariffs, faults);
  const rollups = resolveRollups(file.rollups ?? {}, streams, faults);
  const { mqtt, http } = file;
  const site: Site = {
    name: file.site?.name ?? '',
    timezone,
    ...(tariffs.size > 0 && { tariffs: [...tariffs.values()].filter((tariff) => tariff !== null) }),
    ...resolveWear(file.site?.wear, faults),
    streams: [...streams.values()].flatMap((known) => (known === null ? [] : [known.spec])),
    rollups: [...rollups.values()].filter((rollup) => rollup !== null),
    retention: { ...resolveRetention(file, faults), ...resolveArchive(file, fileName) },
    mqtt: { tls: resolveTls(mqtt?.tls, fileName) },
    http: { tls: resolveTls(http?.tls, fileName) },
    dashboards: Object.entries(file.dashboards ?? {}).map(([name, dashboard]) => ({
      name,
      panels: resolvePanels(dashboard?.panels ?? [], `dashboards.${name}.panels`, rollups, faults),
    })),
  };
  if (site.mqtt.tls?.crl && !site.mqtt.tls.ca) {
    faults.at(
      'mqtt.tls.crl',
      'mqtt.tls.crl revokes certificates that are not asked for',
      'name the authority as mqtt.tls.ca',
    );
  }
  judgePriceDates(rollups.values(), streams, timezone, faults);
  judgeLateness(site, faults);
  judgeOffsets(site, faults);
  return site;
}

function resolveTls(
  files: { cert?: string; key?: string; ca?: string; crl?: string } | undefined,
  siteFile: string,
): TlsFiles | null {
  if (files === undefined) return null;
  const { cert = '', key = '', ca, crl } = files;
  return {
    cert: beside(siteFile, cert),
    key: beside(siteFile, key),
    ca: ca === undefined ? null : beside(siteFile, ca),
    ...(crl !== undefined && { crl: beside(siteFile, crl) }),
  };
}

/** A path of the file means the same from wherever the program was started. */
function beside(siteFile: string, path: string): string {
  const folder = siteFile.slice(0, siteFile.lastIndexOf('/') + 1);
  return path.startsWith('/') ? path : folder + path;
}

function judgeTimezone(timezone: string, faults: FaultList): string {
  if (isTimezone(timezone)) return timezone;
  const near = nearest(timezone, Intl.supportedValuesOf('timeZone'));
  const suggestion =
    near === null ? 'write an IANA name such as Europe/Berlin' : `did you mean ${quoted(near)}?`;
  faults.at('site.timezone', `there is no time zone ${quoted(timezone)}`, suggestion);
  return 'UTC';
}

function resolveRetention(file: Draft<SiteFile>, faults: FaultList): Site['retention'] {
  const rawMs = span(file.retention?.raw, 'retention.raw', faults);
  if (file.retention?.raw !== undefined && rawMs < MINUTE_MS) {
    faults.at(
      'retention.raw',
      'retention.raw keeps next to nothing',
      'keep raw readings for a minute at least',
    );
  }
  const given = file.retention?.rawBytes;
  const rawBytes = given === undefined ? 0 : (parseSize(given) ?? Number.POSITIVE_INFINITY);
  if (given !== undefined && (rawBytes < RAW_BYTES_MIN || rawBytes === Number.POSITIVE_INFINITY)) {
    faults.at('retention.rawBytes', `retention.rawBytes cannot be ${quoted(given)}`, 'take 16MB or more');
  }
  return { rawMs, rawBytes };
}

function resolveArchive(file: Draft<SiteFile>, fileName: string): Pick<Site['retention'], 'archive'> {
  const archive = file.retention?.archive;
  if (archive === undefined) return {};
  return { archive: { dir: beside(fileName, archive.dir ?? ''), format: archive.format ?? 'parquet' } };
}

/** A few sealed segments: less would forget what is still being sealed. */
const RAW_BYTES_MIN = 16e6;

function judgeLateness({ streams, retention }: Site, faults: FaultList): void {
  for (const { name, latenessMs } of streams) {
    if (retention.rawMs === 0 || latenessMs <= retention.rawMs) continue;
    const path = `streams.${name}.lateness`;
    faults.at(
      path,
      `${path} is longer than raw readings are kept`,
      'buckets are repaired from raw: make retention.raw longer',
    );
  }
}

/** Tiers between 15 minutes and an hour are UTC's; in a zone of :30 or :45 its hours may not be made of them. */
function judgeOffsets({ timezone, rollups }: Site, faults: FaultList): void {
  for (const { name, tiers } of rollups) {
    const between = tiers.filter(({ widthMs }) => widthMs > 15 * MINUTE_MS && widthMs < HOUR_MS);
    if (between.length === 0 || tiers[tiers.length - 1].widthMs < HOUR_MS) continue;
    const calendar = new Calendar(timezone);
    for (const tier of between) {
      if (OFFSETS_ASKED.every((t) => calendar.offsetMs(t) % tier.widthMs === 0)) continue;
      const path = `rollups.${name}.tiers.${tier.name}`;
      faults.atKey(
        path,
        `the hours of ${timezone} are not made of buckets of ${tier.name}`,
        'take 15m instead',
      );
    }
  }
}

/** The middles of four seasons, of years in which today's rules hold. */
const OFFSETS_ASKED = [15, 105, 196, 288].map((day) => Date.UTC(2026, 0, 1) + day * DAY_MS);

function resolvePanels(
  drafts: NonNullable<Draft<NonNullable<SiteFile['dashboards']>[string]>['panels']>,
  path: string,
  rollups: Map<string, RollupSpec | null>,
  faults: FaultList,
): PanelSpec[] {
  return drafts.flatMap((draft, at) => {
    if (draft === undefined) return [];
    const place = `${path}.${at}`;
    const by = (draft.by ?? []).filter((field) => field !== undefined);
    const { rollup = '', measure = '' } = draft;
    if (rollup !== '' && !rollups.has(rollup)) {
      faults.at(
        `${place}.rollup`,
        `${place}.rollup names ${quoted(rollup)}, which is no rollup`,
        meant(rollup, rollups.keys()),
      );
    }
    const known = rollups.get(rollup);
    if (known) judgePanel(known, measure, by, place, faults);
    return [{ title: draft.title ?? measure, rollup, measure, by }];
  });
}

function judgePanel(
  rollup: RollupSpec,
  measure: string,
  by: string[],
  place: string,
  faults: FaultList,
): void {
  const names = rollup.measures.map(({ name }) => name);
  if (measure !== '' && !names.includes(measure)) {
    faults.at(
      `${place}.measure`,
      `${place}.measure names ${quoted(measure)}, which rollups.${rollup.name} does not have`,
      meant(measure, names),
    );
  }
  // Coarser groups are folded from finer ones.
  if (rollup.groupBys.some((group) => by.every((field) => group.includes(field)))) return;
  const kept = rollup.groupBys.map((group) => `[${group.join(', ')}]`).join(', ');
  faults.at(
    `${place}.by`,
    `${place}.by [${by.join(', ')}] is in no group-by of rollups.${rollup.name}`,
    `it keeps ${kept}`,
  );
}
