import { expect, test } from 'vitest';
import { EXAMPLE, siteJsonSchema, staleFiles } from './describe.ts';
import { parseSite } from './parse.ts';

test('docs/site-file.md and docs/site.schema.json are what the schema says', () => {
  expect(staleFiles(), 'write them anew with: node node/src/contract/site/describe.ts --write').toEqual([]);
});

test('the example of the page is a site without faults', () => {
  expect(parseSite(EXAMPLE, 'example.yaml').faults).toEqual([]);
});

test('the JSON Schema is JSON', () => {
  expect(JSON.parse(siteJsonSchema())).toMatchObject({ type: 'object', required: ['weir', 'streams'] });
});
