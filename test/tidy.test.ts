import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The house rules that a machine can hold: who may import whom, no cycles, sizes, nothing left over. */

/** A room imports itself and the rooms listed; the longest matching prefix decides. */
const MAY_IMPORT: Record<string, string[]> = {
  'node/src/contract': [],
  'node/src/shipped': [],
  'node/src/access': ['node/src/contract'],
  'node/src/engine': ['node/src/contract'],
  'node/src/log': ['node/src/contract'],
  'node/src/store': ['node/src/contract', 'node/src/engine', 'node/src/log'],
  'node/src/backup': ['node/src/contract', 'node/src/log'],
  'node/src/shard': [
    'node/src/contract',
    'node/src/backup',
    'node/src/engine',
    'node/src/store',
    'node/src/log',
    'node/src/client',
    'node/src/archive',
  ],
  'node/src/plan': ['node/src/contract', 'node/src/engine', 'node/src/store', 'node/src/log'],
  'node/src/cluster': ['node/src/contract', 'node/src/log'],
  'node/src/broker': ['node/src/contract', 'node/src/log', 'node/src/access'],
  'node/src/jobs': ['node/src/contract', 'node/src/shard', 'node/src/store', 'node/src/log'],
  'node/src/archive': ['node/src/contract'],
  'node/src/client': ['node/src/contract'],
  'node/src/board': ['node/src'],
  'node/src/commands': ['node/src'],
  gateway: ['node/src/contract', 'node/src/client', 'node/src/shipped', 'node/src/access'],
  ui: ['node/src/contract'],
  'firmware-sim': ['node/src/contract', 'node/src/shipped'],
  provision: ['node/src/contract', 'node/src/shipped'],
  test: ['node/src', 'gateway', 'ui', 'firmware-sim', 'provision', 'weir.ts'],
  'weir.ts': [
    'node/src/commands',
    'node/src/shipped',
    'node/src/board',
    'gateway',
    'firmware-sim',
    'provision',
  ],
};

const WORKSPACES: Record<string, string> = {
  '@weir/node/access': 'node/src/access/index.ts',
  '@weir/node/contract': 'node/src/contract/index.ts',
  '@weir/node/client': 'node/src/client/index.ts',
  '@weir/node/board': 'node/src/board/index.ts',
  '@weir/node/commands': 'node/src/commands/index.ts',
  '@weir/node/shipped': 'node/src/shipped/index.ts',
  '@weir/gateway': 'gateway/src/index.ts',
  '@weir/firmware-sim': 'firmware-sim/src/index.ts',
  '@weir/provision': 'provision/src/index.ts',
};

const MAX_LINES = 600;
const MAX_FUNCTION_LINES = 70;

const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'],
  { encoding: 'utf8' },
)
  .split('\n')
  .filter((file) => file && existsSync(file) && !file.endsWith('.d.ts'));
const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

const isTest = (file: string) => /\.(test|suite|bench)\.tsx?$|\/testing\/|^test\//.test(file);

function roomOf(file: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter((room) => file === room || file.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? 'nowhere';
}

function importsOf(file: string): { specifier: string; target: string | null; typeOnly: boolean }[] {
  const found: { specifier: string; target: string | null; typeOnly: boolean }[] = [];
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
  for (const match of sources.get(file)!.matchAll(pattern)) {
    const specifier = match[2] ?? match[3];
    const target = specifier.startsWith('.')
      ? normalize(join(dirname(file), specifier))
      : (WORKSPACES[specifier] ?? null);
    found.push({ specifier, target, typeOnly: match[1] !== undefined });
  }
  return found;
}

describe('imports', () => {
  test('every source file stands in a room of the house', () => {
    expect(files.filter((file) => roomOf(file) === 'nowhere' && !/^[\w-]+\.config\.ts$/.test(file))).toEqual(
      [],
    );
  });

  test('point downwards only', () => {
    const wrong: string[] = [];
    for (const file of files.filter((one) => !isTest(one))) {
      const room = roomOf(file);
      for (const { target } of importsOf(file)) {
        if (target === null) continue;
        const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
        if (!allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)))
          wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('name files that exist', () => {
    const lost = files.flatMap((file) =>
      importsOf(file)
        .filter(
          ({ target, specifier }) => target !== null && /\.tsx?$/.test(specifier) && !existsSync(target),
        )
        .map(({ target }) => `${file} → ${target}`),
    );
    expect(lost).toEqual([]);
  });

  test('have no cycles', () => {
    const cycles: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const { target, typeOnly } of importsOf(file))
        if (target && !typeOnly && sources.has(target)) visit(target, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('the engine does no I/O, reads no clock, draws nothing at random', () => {
    const banned =
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|from 'node:/;
    const wrong = files.filter(
      (file) => file.startsWith('node/src/engine/') && !isTest(file) && banned.test(sources.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('threads are started by what knows the one executable', () => {
    const wrong = files.filter(
      (file) =>
        !isTest(file) && !file.startsWith('node/src/shipped/') && /\bnew Worker\(/.test(sources.get(file)!),
    );
    expect(wrong).toEqual([]);
  });

  test('only the commands read the environment', () => {
    const wrong = files.filter(
      (file) =>
        !isTest(file) &&
        !file.startsWith('node/src/commands/') &&
        file !== 'weir.ts' &&
        !/config\.ts$/.test(file) &&
        /process\.env\b/.test(sources.get(file)!),
    );
    expect(wrong).toEqual([]);
  });
});

describe('sizes', () => {
  test(`no file passes ${MAX_LINES} lines`, () => {
    expect(files.filter((file) => sources.get(file)!.split('\n').length > MAX_LINES)).toEqual([]);
  });

  test('a file past 400 lines opens with the sentence that justifies it', () => {
    const wrong = files.filter(
      (file) =>
        sources.get(file)!.split('\n').length > 400 &&
        !/^(\/\*\*|\/\/)/.test(sources.get(file)!) &&
        !isTest(file),
    );
    expect(wrong).toEqual([]);
  });

  test(`no function passes ${MAX_FUNCTION_LINES} lines`, () => {
    const long: string[] = [];
    for (const file of files.filter((one) => !isTest(one))) {
      for (const { name, lines, at } of functionsOf(sources.get(file)!))
        if (lines > MAX_FUNCTION_LINES) long.push(`${file}:${at} ${name} has ${lines} lines`);
    }
    expect(long).toEqual([]);
  });
});

/** The formatter closes every function at the indentation that it opened with, so lines suffice to find them. */
function functionsOf(source: string): { name: string; lines: number; at: number }[] {
  const lines = source.split('\n');
  const found: { name: string; lines: number; at: number }[] = [];
  const opening =
    /^(\s*)(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\*?\s+(\w+)|(?:static\s+|override\s+|private\s+)*(?:async\s+)?\*?(#?\w+)\s*(?:<[^>]*>)?\([^;]*\)[^;=]*\{$)/;
  lines.forEach((line, at) => {
    const match = opening.exec(line);
    if (
      !match ||
      !line.endsWith('{') ||
      /^\s*(?:if|for|while|switch|catch|else|return|describe|test|it)\b/.test(line)
    )
      return;
    const close = lines.findIndex((one, index) => index > at && one.startsWith(`${match[1]}}`));
    if (close > at) found.push({ name: match[2] ?? match[3], lines: close - at + 1, at: at + 1 });
  });
  return found;
}

describe('left-overs', () => {
  test('there are no TODO, FIXME, .only, .skip, @ts-ignore or empty catch', () => {
    const banned =
      /\b(?:TODO|FIXME|HACK|XXX)\b|\b(?:it|test|describe)\.(?:only|skip)\(|@ts-ignore|catch\s*(?:\([^)]*\))?\s*\{\s*\}/;
    const wrong = files.flatMap((file) =>
      sources
        .get(file)!
        .split('\n')
        .map((line, at) => ({ line, at }))
        .filter(({ line }) => file !== 'test/tidy.test.ts' && banned.test(line))
        .map(({ line, at }) => `${file}:${at + 1} ${line.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  test('tests wait for conditions, they do not sleep', () => {
    const wrong = files.filter(
      (file) =>
        isTest(file) &&
        /await (?:sleep|delay)\(\d|setTimeout\((?:r|resolve|done), ?\d{3,}\)/.test(sources.get(file)!),
    );
    expect(wrong.filter((file) => file !== 'test/tidy.test.ts')).toEqual([]);
  });

  test('no path of a developer machine and no registry host stands in the tree', () => {
    const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n').filter(Boolean);
    const wrong = tracked.filter(
      (file) =>
        existsSync(file) &&
        file !== 'test/tidy.test.ts' &&
        /\/work\/main|registry\.npmjs/.test(readFileSync(file, 'utf8')),
    );
    expect(wrong).toEqual([]);
  });

  test('every source file is reached from an entry, a test or a script', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file) || !sources.has(file)) return;
      reached.add(file);
      for (const { target } of importsOf(file)) if (target) visit(target);
      for (const match of sources.get(file)!.matchAll(/'(\.{1,2}\/[^']+\.ts)'/g))
        visit(normalize(join(dirname(file), match[1])));
    };
    for (const file of files) {
      if (file === 'weir.ts' || isTest(file) || /config\.ts$|(?:^|\/)main\.tsx?$/.test(file)) visit(file);
    }
    const scripts = execFileSync(
      'git',
      ['grep', '-lE', 'node .*\\.ts', '--', '*.md', 'package.json', '.ci'],
      { encoding: 'utf8' },
    );
    const named = scripts
      .split('\n')
      .filter(Boolean)
      .map((doc) => readFileSync(doc, 'utf8'))
      .join('\n');
    expect(files.filter((file) => !reached.has(file) && !named.includes(file))).toEqual([]);
  });
});
