import { type Static, Type } from 'typebox';
import { LIMITS } from '../limits.ts';

const Decimal = (description: string) =>
  Type.String({ pattern: '^-?[0-9]{1,15}([.][0-9]{1,12})?$', description });
const Short = (description: string) => Type.Optional(Type.String({ maxLength: 128, description }));

export const SwapQuestion = Type.Object(
  {
    stream: Type.String({ minLength: 1, maxLength: 200 }),
    meter: Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: 'The key of its readings.' }),
    field: Type.Optional(
      Type.String({ minLength: 1, maxLength: 63, description: 'The register; default: the first counter.' }),
    ),
    at: Type.String({
      maxLength: 40,
      description:
        'Readings from here on are the new register’s: ISO 8601, epoch ms, or relative such as -1h.',
    }),
    last: Decimal('What the old register showed when it was taken out, as it shows it.'),
    first: Type.Optional(Decimal('What the new one showed when it was put in; default 0.')),
    by: Short('Who did it.'),
    note: Short('What else is to be said.'),
  },
  { additionalProperties: false },
);
export type SwapQuestion = Static<typeof SwapQuestion>;

export const SwapUndo = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 64 }), by: Short('Who takes it back.') },
  { additionalProperties: false },
);

export const SwapAnswer = Type.Object({
  id: Type.String(),
  effect: Type.Optional(
    Type.Union([Type.Literal('counted'), Type.Literal('unheard'), Type.Literal('uncounted')], {
      description:
        'Of a swap that was recorded: what was counted around it is counted anew; nothing yet, since no reading of the meter ever came; or nothing, since no rollup counts the register.',
    }),
  ),
});
export type SwapAnswer = Static<typeof SwapAnswer>;

export const SwapsAnswer = Type.Object({
  swaps: Type.Array(
    Type.Object({
      id: Type.String(),
      stream: Type.String(),
      meter: Type.String(),
      field: Type.String(),
      at: Type.Number(),
      last: Type.String(),
      first: Type.String(),
      by: Type.String(),
      note: Type.String(),
      recordedAt: Type.Number(),
      heard: Type.Boolean({ description: 'Whether a reading of the meter ever came.' }),
      undone: Type.Union([Type.Object({ by: Type.String(), recordedAt: Type.Number() }), Type.Null()]),
    }),
  ),
});
export type SwapsAnswer = Static<typeof SwapsAnswer>;
