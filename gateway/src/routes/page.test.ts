import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isWholeHead, rawRequest, withGateway } from '../testing/with-gateway.ts';

function builtPage(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-ui-'));
  mkdirSync(join(dir, 'assets'));
  const script = `console.log(${JSON.stringify('weir '.repeat(200))})`;
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>Weir</title>');
  writeFileSync(join(dir, 'assets/index-Ab3dEf9_.js'), script);
  writeFileSync(join(dir, 'assets/index-Ab3dEf9_.js.br'), brotliCompressSync(script));
  writeFileSync(join(dir, 'assets/index-Ab3dEf9_.js.gz'), gzipSync(script));
  return dir;
}

describe('the page', () => {
  test('is served with a policy that lets nothing in from elsewhere, and asks again each time', async () => {
    const { get } = await withGateway({ uiDir: builtPage() });
    const answer = await get('/');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none';script-src 'self'");
    expect(answer.headers.get('strict-transport-security')).toBeNull();
  });

  test.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['identity', null],
    ['br;q=0, gzip;q=0.5', 'gzip'],
  ])(
    'for a browser that takes %s a hashed file comes as it was compressed, for good',
    async (accepts, encoding) => {
      const { gateway } = await withGateway({ uiDir: builtPage() });
      const head = `GET /assets/index-Ab3dEf9_.js HTTP/1.1\r\nhost: localhost\r\naccept-encoding: ${accepts}\r\n\r\n`;
      const { text } = await rawRequest(gateway.port, head, isWholeHead);
      expect(/^content-encoding: (.*)\r$/im.exec(text)?.[1] ?? null).toBe(encoding);
      expect(text).toMatch(/^content-type: (text|application)\/javascript/im);
      expect(text).toMatch(/^cache-control: public, max-age=31536000, immutable\r$/im);
    },
  );

  test('is not sent again to a browser that has it', async () => {
    const { get } = await withGateway({ uiDir: builtPage() });
    const first = await get('/');
    const again = await get('/', { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    expect((await get('/', { method: 'HEAD' })).headers.get('etag')).toBe(first.headers.get('etag'));
  });

  test('that is not built leaves the API, and says so in the log', async () => {
    const { get, log } = await withGateway({ uiDir: join(tmpdir(), 'weir-no-such-directory') });
    expect((await get('/')).status).toBe(404);
    expect((await get('/healthz')).status).toBe(200);
    expect(log.join('')).toContain('npm run build');
  });
});
