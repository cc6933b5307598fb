import { type Static, Type } from 'typebox';

/** What the gateway answers beside the board's own answers: the site as understood, health, log-in. */

const Field = Type.Object({
  name: Type.String(),
  type: Type.Union([
    Type.Literal('counter'),
    Type.Literal('gauge'),
    Type.Literal('number'),
    Type.Literal('text'),
    Type.Literal('bool'),
  ]),
  unit: Type.String(),
  decimals: Type.Number(),
  tariff: Type.Optional(Type.Object({ name: Type.String() })),
});

const Tariff = Type.Object({
  name: Type.String(),
  currency: Type.String(),
  periods: Type.Array(Type.Object({ name: Type.String() }), { description: 'The first one that fits.' }),
  prices: Type.Array(
    Type.Object({
      from: Type.String({ description: 'A date; from its local midnight on.' }),
      of: Type.Array(Type.Object({ period: Type.String(), digits: Type.Number(), places: Type.Number() }), {
        description: 'The price of a unit is digits / 10^places.',
      }),
    }),
  ),
});

/** The site file as understood, without the paths of keys and certificates. */
export const SiteAnswer = Type.Object({
  name: Type.String(),
  timezone: Type.String(),
  tariffs: Type.Optional(Type.Array(Tariff)),
  streams: Type.Array(
    Type.Object({
      name: Type.String(),
      sources: Type.Array(Type.Object({ from: Type.String(), filter: Type.String() })),
      codec: Type.String(),
      timeField: Type.Union([Type.String(), Type.Null()]),
      keyField: Type.String(),
      latenessMs: Type.Number(),
      fields: Type.Array(Field),
    }),
  ),
  rollups: Type.Array(
    Type.Object({
      name: Type.String(),
      stream: Type.String(),
      groupBys: Type.Array(Type.Array(Type.String())),
      measures: Type.Array(
        Type.Object({
          name: Type.String(),
          fn: Type.String(),
          field: Type.Union([Type.String(), Type.Null()]),
          unit: Type.String(),
          expression: Type.Optional(Type.Object({ text: Type.String() })),
        }),
      ),
      tiers: Type.Array(Type.Object({ name: Type.String(), widthMs: Type.Number(), keepMs: Type.Number() }), {
        description: 'Finest first.',
      }),
      parts: Type.Optional(
        Type.Array(Type.Object({ parent: Type.String(), of: Type.Array(Type.String()) }), {
          description: 'Keys of which others are the parts.',
        }),
      ),
      window: Type.Optional(
        Type.Object(
          { overMs: Type.Number(), everyMs: Type.Number() },
          { description: 'Of sliding windows: what each value covers, and the step.' },
        ),
      ),
    }),
  ),
  retention: Type.Object({ rawMs: Type.Number(), rawBytes: Type.Number() }),
  dashboards: Type.Array(
    Type.Object({
      name: Type.String(),
      panels: Type.Array(
        Type.Object({
          title: Type.String(),
          rollup: Type.String(),
          measure: Type.String(),
          by: Type.Array(Type.String()),
        }),
      ),
    }),
  ),
});
export type SiteAnswer = Static<typeof SiteAnswer>;

export const HealthAnswer = Type.Object({ alive: Type.Literal(true) });
export type HealthAnswer = Static<typeof HealthAnswer>;

export const ReadyAnswer = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: 'What is still missing; empty when ready.' }),
});
export type ReadyAnswer = Static<typeof ReadyAnswer>;

export const VersionAnswer = Type.Object({
  name: Type.Literal('weir'),
  version: Type.String(),
  node: Type.String(),
});
export type VersionAnswer = Static<typeof VersionAnswer>;

/** A token, or a user and a password. */
export const LoginQuestion = Type.Object({
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  user: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  password: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
});
export type LoginQuestion = Static<typeof LoginQuestion>;

export const LoginAnswer = Type.Object({ loggedIn: Type.Boolean() });
export type LoginAnswer = Static<typeof LoginAnswer>;
