import type { Site } from '@weir/node/contract';

/** One stream, one topic a meter: enough for the front door. */
export const SITE: Site = {
  name: 'Test',
  timezone: 'UTC',
  streams: [
    {
      name: 'electricity',
      sources: [
        {
          from: 'meters/{meter}/electricity',
          filter: 'meters/+/electricity',
          topicFields: [{ field: 'meter', level: 1 }],
        },
      ],
      codec: 'json',
      timeField: 'ts',
      keyField: 'meter',
      idFields: ['meter', 'ts'],
      latenessMs: 60_000,
      fields: [{ name: 'kwh', type: 'number', unit: 'kWh', decimals: 3, maxRatePerHour: null }],
    },
  ],
  rollups: [],
  retention: { rawMs: 3_600_000, rawBytes: 1e9 },
  mqtt: { tls: null },
  http: { tls: null },
  dashboards: [],
};
