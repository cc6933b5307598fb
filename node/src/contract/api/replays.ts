import { type Static, Type } from 'typebox';

/** Reading the log again: what was asked, how far it is, and what it found. */

const Nullable = Type.Union([Type.Number(), Type.Null()]);

/** Where what is stored and what the log says again differ most, of one group. */
export const GroupDifference = Type.Object({
  by: Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
  buckets: Type.Number({ description: 'Buckets of the group that differ.' }),
  measure: Type.String({ description: 'What differs most, such as increase(kwh).' }),
  difference: Nullable,
});
export type GroupDifference = Static<typeof GroupDifference>;

/** One tier of one group-by. Buckets that are kept, and that raw covers in full, are compared; the others are left. */
export const TierDifference = Type.Object({
  rollup: Type.String(),
  by: Type.Array(Type.String()),
  tier: Type.String(),
  from: Nullable,
  to: Nullable,
  equal: Type.Number(),
  changed: Type.Number(),
  added: Type.Number({ description: 'Buckets that were not there.' }),
  removed: Type.Number({ description: 'Buckets that the log does not give.' }),
  largest: Type.Array(GroupDifference, { description: 'The largest differences, one a group.' }),
});
export type TierDifference = Static<typeof TierDifference>;

/** Buckets of a tier that are not as they must be. */
export function differencesIn({ changed, added, removed }: TierDifference): number {
  return changed + added + removed;
}

const State = Type.Union([
  Type.Literal('running'),
  Type.Literal('ready'),
  Type.Literal('applying'),
  Type.Literal('applied'),
  Type.Literal('cancelled'),
  Type.Literal('failed'),
]);

export const Replay = Type.Object({
  id: Type.Number(),
  rollups: Type.Array(Type.String()),
  reason: Type.Union([
    Type.Literal('asked'),
    Type.Literal('reconcile'),
    Type.Literal('site'),
    Type.Literal('edit'),
  ]),
  apply: Type.Boolean({ description: 'Whether differences are applied without being asked about.' }),
  state: State,
  from: Type.Union([Type.Number(), Type.Null()], {
    description: 'Event time from which raw covers all; null: all there ever was.',
  }),
  to: Nullable,
  startedAt: Type.Number(),
  endedAt: Nullable,
  records: Type.Object({
    from: Type.Number({ description: 'The first record of the log that is read.' }),
    done: Type.Number(),
    to: Type.Number(),
  }),
  readings: Type.Number({ description: 'Read again so far.' }),
  archive: Type.Optional(
    Type.String({
      description: 'Where the log was cut short: what was read from the archive of raw, or why it was not.',
    }),
  ),
  tiers: Type.Array(TierDifference, { description: 'What differs, once all is read.' }),
  differences: Type.Number({ description: 'Buckets that differ, over all tiers.' }),
  fault: Type.Union([Type.String(), Type.Null()]),
});
export type Replay = Static<typeof Replay>;

export const ReplaysAnswer = Type.Object({ replays: Type.Array(Replay) });
export type ReplaysAnswer = Static<typeof ReplaysAnswer>;

export const ReplayRequest = Type.Object(
  {
    rollup: Type.String({ minLength: 1, maxLength: 200 }),
    from: Type.Optional(Type.String({ maxLength: 40 })),
    to: Type.Optional(Type.String({ maxLength: 40 })),
    apply: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type ReplayRequest = Static<typeof ReplayRequest>;

/** As the gateway hands it on: names are known to exist, times are epoch ms. */
export interface ReplayQuestion {
  rollup: string;
  from: number | null;
  to: number | null;
  apply: boolean;
}
