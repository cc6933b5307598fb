import { type Static, Type } from 'typebox';
import { SITE_FILE_MAX } from '../site/parse.ts';

/** Edits of the site file of a running appliance. */

export const SiteEdit = Type.Object(
  {
    text: Type.String({ maxLength: SITE_FILE_MAX, description: 'The whole site file.' }),
    apply: Type.Boolean({ description: 'Without it the differences are only told.' }),
    lose: Type.Optional(
      Type.Boolean({ description: 'An edit that loses what was counted is applied all the same.' }),
    ),
  },
  { additionalProperties: false },
);
export type SiteEdit = Static<typeof SiteEdit>;

export const SiteEditAnswer = Type.Object({
  differences: Type.Array(
    Type.Object({
      path: Type.String(),
      says: Type.String(),
      becomes: Type.Union([Type.Literal('filled'), Type.Literal('kept'), Type.Literal('changed')], {
        description:
          'filled: made from raw as far as that goes; kept: what was counted stays until it is forgotten.',
      }),
    }),
  ),
  anew: Type.Array(Type.String(), {
    description:
      'Rollups whose buckets are of another shape, which are made anew from raw before the edit is in force.',
  }),
  lost: Type.Array(Type.String(), { description: 'What was counted and is lost, in words.' }),
  replay: Type.Union([Type.Number(), Type.Null()], {
    description: 'The replay that fills the new tables; when it is done the appliance begins anew.',
  }),
  applied: Type.Boolean(),
});
export type SiteEditAnswer = Static<typeof SiteEditAnswer>;

export const SiteForget = Type.Object(
  { rollup: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
);

export const SiteForgotten = Type.Object({ rollup: Type.String(), tables: Type.Number() });
export type SiteForgotten = Static<typeof SiteForgotten>;
