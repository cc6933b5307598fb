import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assertOwner, lifeOf, openDataDir } from './data-dir.ts';

test('root makes no files in a data directory of somebody else, and everybody in their own', () => {
  expect(() => assertOwner('/var/lib/weir', 0, 990)).toThrow(/belongs to the user 990/);
  expect(() => assertOwner('/var/lib/weir', 0, 0)).not.toThrow();
  expect(() => assertOwner('/var/lib/weir', 990, 990)).not.toThrow();
});

test('a data directory says of what version it is, and when it was restored', () => {
  const root = mkdtempSync(join(tmpdir(), 'weir-data-dir-'));
  const file = join(root, 'weir.json');
  try {
    expect(lifeOf(openDataDir(root))).toBe('');
    expect(readFileSync(file, 'utf8')).toBe('{"version":1}\n');
    writeFileSync(file, '{"version":1,"restoredAt":1795767300000}\n');
    // What it was made of stays, whoever opens it.
    expect(lifeOf(openDataDir(root))).toBe('-restored-20261127T081500Z');
    rmSync(file);
    const restored = openDataDir(root, { restoring: true });
    expect(readFileSync(file, 'utf8')).toMatch(/^\{"version":1,"restoredAt":\d{13}\}\n$/);
    expect(lifeOf(restored)).toMatch(/^-restored-\d{8}T\d{6}Z$/);
    writeFileSync(file, '{"version":2}\n');
    expect(() => openDataDir(root)).toThrow(/version 2/);
  } finally {
    rmSync(root, { recursive: true });
  }
});
