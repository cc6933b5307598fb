import { Type } from 'typebox';

const TIME_NOTE = 'ISO 8601, epoch ms, or relative to now such as -1h';

/** Names stand in paths and messages, so their length is bounded before they are looked up. */
export const Name = Type.String({ minLength: 1, maxLength: 200 });

export const From = (byDefault: string) =>
  Type.Optional(
    Type.String({
      maxLength: 40,
      description: `${TIME_NOTE}; included; default ${byDefault}.`,
      examples: ['-1h'],
    }),
  );

export const To = Type.Optional(
  Type.String({ maxLength: 40, description: `${TIME_NOTE}; not included; default now.`, examples: ['now'] }),
);

export const By = Type.Optional(
  Type.String({
    maxLength: 2_000,
    description: 'Fields between commas; absent or empty: one series over all.',
  }),
);

export const Quality = Type.Optional(
  Type.Union([Type.Literal('true'), Type.Literal('false')], {
    description: 'Whether to tell how far the numbers are to be believed; default false.',
  }),
);

export const Periods = Type.Optional(
  Type.Union([Type.Literal('true'), Type.Literal('false')], {
    description: 'Whether to tell costs by period of their tariff, too; default false.',
  }),
);

export const Stream = Type.Optional(Type.String({ maxLength: 200, description: 'Of one stream alone.' }));

export const WHERE_NOTE =
  'Filters are parameters of the form `where.FIELD=VALUE,VALUE`; a backslash before a comma makes it part of the value.';
