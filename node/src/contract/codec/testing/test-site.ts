import type { FieldSpec, FieldType, Site } from '../../site/model.ts';

export function field(name: string, type: FieldType, decimals = 0): FieldSpec {
  return { name, type, unit: '', decimals, maxRatePerHour: null };
}

/** One stream with a field of every type; `rooms/{room}/power` fills its room from the topic. */
export function testSite(more: Partial<Site['streams'][0]> = {}): Site {
  return {
    name: 'Riverside',
    timezone: 'Europe/Berlin',
    streams: [
      {
        name: 'electricity',
        sources: [
          { from: 'meters/{hub}/power', filter: 'meters/+/power', topicFields: [] },
          { from: 'rooms/{room}/power', filter: 'rooms/+/power', topicFields: [{ field: 'room', level: 1 }] },
          { from: 'keyed/{meter}', filter: 'keyed/+', topicFields: [{ field: 'meter', level: 1 }] },
        ],
        codec: 'json',
        timeField: 'ts',
        keyField: 'meter',
        idFields: [],
        latenessMs: 0,
        fields: [
          field('kwh', 'counter', 3),
          field('watts', 'gauge'),
          field('state', 'text'),
          field('on', 'bool'),
          field('room', 'text'),
        ],
        ...more,
      },
    ],
    rollups: [],
    retention: { rawMs: 0, rawBytes: 0 },
    mqtt: { tls: null },
    http: { tls: null },
    dashboards: [],
  };
}
