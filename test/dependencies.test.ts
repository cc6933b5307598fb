import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** A dependency is taken in with its reason, at an exact version, or not at all. */

interface Manifest {
  workspaces?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Manifest;
const top = read('package.json');
const manifests = [top, ...(top.workspaces ?? []).map((workspace) => read(`${workspace}/package.json`))];
const declared = new Map(
  manifests.flatMap((one) =>
    Object.entries({ ...one.dependencies, ...one.devDependencies, ...one.optionalDependencies }),
  ),
);
for (const name of declared.keys()) if (name.startsWith('@weir/')) declared.delete(name);

test('docs/dependencies.md lists what the manifests name, no more and no less', () => {
  const listed = [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` \|/gm)].map(
    (match) => match[1],
  );
  expect(listed.toSorted()).toEqual([...declared.keys()].toSorted());
});

test('every version is exact', () => {
  const loose = [...declared].filter(
    ([name, version]) => !/^(?:npm:@?[\w./-]+@)?\d+\.\d+\.\d+$/.test(version) && name !== '@types/node',
  );
  expect(loose).toEqual([]);
});

test('the lockfile names no address', () => {
  expect(readFileSync('package-lock.json', 'utf8')).not.toMatch(/"resolved": "https?:/);
});
