import { describe, expect, test } from 'vitest';
import { rawRequest, withGateway } from './testing/with-gateway.ts';

describe('the gateway', () => {
  test('says where it listens, on a port of its own choice', async () => {
    const { gateway } = await withGateway({ listen: { host: 'localhost', port: 0 } });
    expect(gateway.url).toBe(`http://127.0.0.1:${gateway.port}`);
    expect((await fetch(`${gateway.url}/version`)).status).toBe(200);
  });

  test('says what is wrong with an address that is taken', async () => {
    const { gateway } = await withGateway();
    const second = withGateway({ listen: { host: '127.0.0.1', port: gateway.port } });
    await expect(second).rejects.toMatchObject({ code: 'WEIR_USAGE', field: 'http' });
  });

  test('answers what is in flight before it closes, and leaves a silent client behind', async () => {
    const { gateway, board, get } = await withGateway();
    let release = (): void => undefined;
    board.hold = new Promise((resolve) => {
      release = resolve;
    });
    const silent = rawRequest(gateway.port, 'GET /healthz HTTP/1.1\r\n');
    const answer = get('/api/v1/rollups/usage');
    while (board.signals.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = gateway.close();
    release();
    expect((await answer).status).toBe(200);
    await closed;
    expect((await silent).closed).toBe(true);
  });
});
