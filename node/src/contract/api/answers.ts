import { type Static, Type } from 'typebox';

/** What the HTTP surface answers and the board's client returns: one definition for types, checks and OpenAPI. */

const Nullable = Type.Union([Type.Number(), Type.Null()]);

export const Quality = Type.Object(
  {
    coverage: Type.Array(Nullable, {
      description:
        'Share of the bucket that lies between readings which follow each other as usual. Of groups of several devices it needs the interval of the stream.',
    }),
    estimated: Type.Record(Type.String(), Type.Array(Nullable), {
      description: 'By measure: share that was counted over a gap, and is spread over it.',
    }),
    late: Type.Array(Type.Number()),
    duplicates: Type.Array(Type.Number()),
    resets: Type.Array(Type.Number({ description: 'How often a register began again.' })),
  },
  { description: 'How far the numbers are to be believed; only when asked for.' },
);
export type Quality = Static<typeof Quality>;

/** The texts that came most often, of `top`. */
const TopTexts = Type.Array(
  Type.Object({
    value: Type.String(),
    count: Type.Number(),
    error: Type.Number({ description: 'What the count may be too high by; 0 where it is exact.' }),
  }),
);

export const Series = Type.Object({
  by: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
  time: Type.Array(Type.Number(), {
    description: 'Starts of the buckets, epoch ms UTC, ascending; empty buckets are left out.',
  }),
  values: Type.Record(Type.String(), Type.Array(Nullable)),
  lists: Type.Optional(
    Type.Record(Type.String(), Type.Array(TopTexts), {
      description: 'Measures that are lists, such as top.',
    }),
  ),
  final: Type.Array(Type.Boolean()),
  revision: Type.Array(Type.Number()),
  quality: Type.Optional(Quality),
  periods: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Record(
        Type.String(),
        Type.Object({ amount: Type.Array(Type.Number()), cost: Type.Array(Nullable) }),
      ),
      { description: 'Of costs, by measure and period of the tariff; only when asked for.' },
    ),
  ),
});
export type Series = Static<typeof Series>;

export const RollupAnswer = Type.Object({
  rollup: Type.String(),
  tier: Type.String(),
  step: Type.Number({ description: 'Width of a bucket in ms; a multiple of the tier.' }),
  over: Type.Optional(
    Type.Number({
      description: 'Of sliding windows: each value covers so many ms up to the end of its step.',
    }),
  ),
  from: Type.Number(),
  to: Type.Number(),
  timezone: Type.String(),
  watermark: Nullable,
  measures: Type.Record(
    Type.String(),
    Type.Object({ unit: Type.String(), fn: Type.String(), decimals: Type.Number() }),
  ),
  series: Type.Array(Series),
  truncated: Type.Boolean(),
});
export type RollupAnswer = Static<typeof RollupAnswer>;

const Columns = Type.Record(Type.String(), Type.Array(Nullable));

/** Wholes against their parts, by measure. */
export const PartsAnswer = Type.Object({
  ...Type.Omit(RollupAnswer, ['series', 'truncated']).properties,
  parents: Type.Array(
    Type.Object({
      parent: Type.String(),
      parts: Type.Array(Type.String()),
      time: Type.Array(Type.Number()),
      whole: Columns,
      sum: Columns,
      difference: Type.Record(Type.String(), Type.Array(Nullable), {
        description: 'Whole less sum, exactly; null where one of them is not known.',
      }),
      estimated: Type.Record(Type.String(), Type.Array(Nullable), {
        description: 'Share of the whole and of its parts that was counted over a gap.',
      }),
      missing: Type.Array(Type.Array(Type.String()), {
        description:
          'Those without a value in the step, or heard for less than half of the time of the whole.',
      }),
      partial: Type.Array(Type.Boolean({ description: 'Whether any is missing.' })),
      coverage: Type.Array(Nullable, { description: 'The least of all of them.' }),
      final: Type.Array(Type.Boolean()),
      revision: Type.Array(Type.Number()),
    }),
  ),
});
export type PartsAnswer = Static<typeof PartsAnswer>;

export const TopAnswer = Type.Object({
  rollup: Type.String(),
  measure: Type.String(),
  unit: Type.String(),
  from: Type.Number(),
  to: Type.Number(),
  rows: Type.Array(
    Type.Object({
      rank: Type.Number(),
      by: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
      value: Type.Number(),
      error: Type.Optional(
        Type.Number({ description: 'Of a measure that is a list: what the value may be too high by.' }),
      ),
    }),
  ),
});
export type TopAnswer = Static<typeof TopAnswer>;

export const EventsAnswer = Type.Object({
  stream: Type.String(),
  from: Type.Number(),
  to: Type.Number(),
  events: Type.Array(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
    {
      description:
        'Each with `time` (epoch ms), the key field and the fields of the stream, plus `seq`, its place in the log.',
    },
  ),
  truncated: Type.Boolean(),
});
export type EventsAnswer = Static<typeof EventsAnswer>;

const Counts = Type.Record(Type.String(), Type.Number());

export const LedgerAnswer = Type.Object({
  received: Type.Number(),
  counted: Type.Number(),
  onTime: Type.Number(),
  lateMerged: Type.Number(),
  lateUnproven: Type.Optional(
    Type.Number({
      description: 'Of those: older than raw is kept, so that nothing tells whether they came before.',
    }),
  ),
  duplicate: Type.Number(),
  quarantined: Counts,
  rejected: Counts,
});
export type LedgerAnswer = Static<typeof LedgerAnswer>;

export const QuarantineAnswer = Type.Object({
  messages: Type.Array(
    Type.Object({
      seq: Type.Number(),
      time: Type.Number({ description: 'When it was logged, epoch ms.' }),
      stream: Type.String(),
      topic: Type.String(),
      reason: Type.String(),
      payload: Type.String({ description: 'As text when it is UTF-8, else in base64; cut at 1 KiB.' }),
      encoding: Type.Union([Type.Literal('utf8'), Type.Literal('base64')]),
      payloadBytes: Type.Number(),
    }),
  ),
});
export type QuarantineAnswer = Static<typeof QuarantineAnswer>;

const unknownOr = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

export const StatusAnswer = Type.Object({
  version: Type.String(),
  site: Type.String(),
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String()),
  startedAt: Type.Number(),
  log: Type.Object({
    first: Type.Number(),
    last: Type.Number(),
    segments: Type.Number(),
    bytes: Type.Number(),
    state: Type.Union([Type.Literal('ok'), Type.Literal('full'), Type.Literal('failed')]),
    fsyncMsP99: Type.Number(),
  }),
  shards: Type.Array(
    Type.Object({
      shard: Type.Number(),
      thread: Type.Number(),
      applied: Type.Number(),
      checkpointed: Type.Number(),
      keys: Type.Number(),
      state: Type.Union([Type.Literal('replaying'), Type.Literal('serving'), Type.Literal('damaged')]),
    }),
  ),
  lagRecords: Type.Number({ description: 'Records of the log that the slowest shard has not applied.' }),
  readingsPerSecond: Type.Number(),
  clients: Type.Number(),
  clock: Type.Union([Type.Literal('synced'), Type.Literal('holdover'), Type.Literal('unsynced')]),
  storage: Type.Object({ storeBytes: Type.Number(), logBytes: Type.Number(), freeBytes: Type.Number() }),
  wear: Type.Object({
    writtenBytes: Type.Number({ description: 'Handed to the disk since the start, log and store.' }),
    bytesPerReading: Type.Number(),
    sinceMs: Type.Number({ description: 'Since when all that is written is counted.' }),
    totalBytes: Type.Number({
      description: 'Written to the disk since then, over restarts, as the kernel counts.',
    }),
    perDayBytes: unknownOr('Written a day at the present pace; null in the first minute.'),
    devicePerDayBytes: unknownOr('The same of the whole disk; null where the machine does not tell.'),
    amplification: unknownOr('Bytes written for each byte of the log.'),
    monthsLeft: unknownOr('Until the flash is worn out at this pace; null without `site.wear`.'),
    budgetPerDayBytes: unknownOr('What may be written a day; null without `site.wear.budget`.'),
    checkpointEveryMs: Type.Number({ description: 'How often memory is moved to the disk.' }),
  }),
  memory: Type.Object({ rssBytes: Type.Number() }),
  archive: Type.Union(
    [
      Type.Object({
        dir: Type.String(),
        format: Type.String(),
        archivedSeq: Type.Number({ description: 'Every record up to here is in a file that was read back.' }),
        waitingRecords: Type.Number(),
        files: Type.Number(),
        lastAt: Nullable,
        fault: Type.Union([Type.String(), Type.Null()], { description: 'Why raw waits; null: it does not.' }),
      }),
      Type.Null(),
    ],
    { description: 'Null where the site file names no archive.' },
  ),
  reconciled: Type.Union(
    [
      Type.Object({
        id: Type.Number(),
        from: Nullable,
        to: Nullable,
        state: Type.String(),
        differences: Type.Number(),
        endedAt: Nullable,
        fault: Type.Union([Type.String(), Type.Null()]),
      }),
      Type.Null(),
    ],
    { description: 'The last report of the nightly reconcile job; all of them: /api/v1/reports.' },
  ),
});
export type StatusAnswer = Static<typeof StatusAnswer>;

export const VerifyAnswer = Type.Object({
  hash: Type.String({ description: 'Of the hashes of all shards.' }),
  position: Type.Number({ description: 'Record of the log that every shard includes.' }),
  shards: Type.Array(Type.Object({ shard: Type.Number(), position: Type.Number(), hash: Type.String() })),
});
export type VerifyAnswer = Static<typeof VerifyAnswer>;

/** One event of `GET /api/v1/live`: the buckets that changed, as columns. */
export const LiveChange = Type.Object({
  rollup: Type.String(),
  tier: Type.String(),
  step: Type.Number(),
  watermark: Nullable,
  series: Type.Array(Series),
});
export type LiveChange = Static<typeof LiveChange>;

export const Fault = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String()),
    suggestion: Type.Optional(Type.String()),
  }),
});
export type Fault = Static<typeof Fault>;
