import { type Static, Type } from 'typebox';
import { SITE_FILE_MAX } from '../site/parse.ts';

/** Edits of the site file of a running appliance. */

export const SiteEdit = Type.Object(
  {
    text: Type.String({ maxLength: SITE_FILE_MAX, description: 'The whole site file.' }),
    apply: Type.Boolean({ description: 'Without it the differences are only told.' }),
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
  applied: Type.Boolean(),
});
export type SiteEditAnswer = Static<typeof SiteEditAnswer>;

export const SiteForget = Type.Object(
  { rollup: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
);

export const SiteForgotten = Type.Object({ rollup: Type.String(), tables: Type.Number() });
export type SiteForgotten = Static<typeof SiteForgotten>;
