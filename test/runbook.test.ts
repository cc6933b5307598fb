import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** What an operator types at three in the morning must be there. */
const ROOT = join(import.meta.dirname, '..');
const runbook = readFileSync(join(ROOT, 'RUNBOOK.md'), 'utf8');
const commands = [...readFileSync(join(ROOT, 'weir.ts'), 'utf8').matchAll(/^ {2}(\w+): (?:of\(|\{)/gm)].map(
  ([, name]) => name,
);

test('every command of the runbook is a command', () => {
  const typed = [...runbook.replace(/-u weir /g, '').matchAll(/(?:^|[\s`$])weir ([a-z]+)/gm)].map(
    ([, name]) => name,
  );
  expect(typed.length).toBeGreaterThan(30);
  expect([...new Set(typed)].filter((name) => !commands.includes(name))).toEqual([]);
});

test('every option of weir’s own commands in the runbook is one that a command takes', () => {
  const sources = ['node/src/commands', 'provision/src/commands'].map((room) => join(ROOT, room));
  const known = new Set<string>(['json', 'help']);
  for (const room of sources)
    for (const file of readdirSync(room).map((name) => join(room, name)))
      for (const [, quoted, plain] of readFileSync(file, 'utf8').matchAll(
        /^\s+(?:'([\w-]+)'|([a-z]\w*)): \{\s*(?:$|type:)/gm,
      ))
        known.add(quoted ?? plain);
  const lines = runbook.split('\n').filter((line) => /(?:^|[\s`$])weir [a-z]/.test(line));
  const typed = lines.flatMap((line) => [...line.matchAll(/ --([a-z-]+)/g)].map(([, option]) => option));
  expect([...new Set(typed)].filter((option) => !known.has(option))).toEqual([]);
});

test('every play and page that it names is there', () => {
  const plays = [...runbook.matchAll(/playbooks\/[\w-]+\.yml/g)].map(([path]) => join('ansible', path));
  const pages = [...runbook.matchAll(/\]\((docs\/[^)#]+)/g)].map(([, path]) => path);
  expect(plays.length).toBeGreaterThan(3);
  expect([...plays, ...pages].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, text]) =>
    text.toLowerCase().replaceAll(' ', '-'),
  );
  const anchors = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([]);
});

test('every play that it names is run on boards as containers, with the variables that it gives', () => {
  const steps = readFileSync(join(ROOT, 'test', 'fleet', 'steps.ts'), 'utf8');
  const played = new Set([...steps.matchAll(/(?:good|play)\(\s*'([\w-]+)'/g)].map(([, name]) => name));
  const typed = [...runbook.matchAll(/playbooks\/([\w-]+)\.yml(?:[^`\n]* --extra-vars (\w+)=)?/g)];
  const missing = typed.filter(
    ([, name, variable]) => !played.has(name) || (variable !== undefined && !steps.includes(`${variable}=`)),
  );
  expect(typed.length).toBeGreaterThan(8);
  expect(missing.map(([command]) => command)).toEqual([]);
});
