import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERRORS } from './errors.ts';

test('docs/errors.md says of every code what the table says, and what to do next', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const sections = page.split(/^## /m).slice(1);
  const told = sections.map((section) => {
    const [code, means, statuses, advice] = section
      .split(/\n\n/)
      .map((part) => part.trim().replace(/\s+/g, ' '));
    expect(advice, code).toMatch(/^What to do: .{10,}/);
    const [, status, exit] = /^HTTP status (\d+), exit status (\d+)\.$/.exec(statuses) ?? [];
    return [code, { status: Number(status), exit: Number(exit), means }];
  });
  expect(Object.fromEntries(told)).toEqual(ERRORS);
  expect(told).toHaveLength(Object.keys(ERRORS).length);
});

test('exit statuses are those that commands promise', () => {
  for (const { exit } of Object.values(ERRORS)) expect([1, 2, 3, 4, 5, 6, 75]).toContain(exit);
});
