import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerAnswer, RollupAnswer, VerifyAnswer } from '../../node/src/contract/index.ts';
import { command, type Program, Running } from './program.ts';

const SITE = join(import.meta.dirname, '..', 'product', 'site.yaml');
const READINGS = 60;
const START_MS = Date.UTC(2026, 0, 15, 12);
const KWH = 0.125;

export interface Smoked {
  name: string;
  readyMs: number;
  againMs: number;
  hash: string;
}

/**
 * What a release must be able to do on its machine: take readings of Debian's MQTT client, lose none to kill -9, answer
 * with the right counts, serve its page, end cleanly. Then `judge`, which runs natively, reads the same directory and
 * makes the same state again from its log alone: the hashes of all three must be equal.
 */
export async function smoke(program: Program, judge: Program): Promise<Smoked> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-smoke-'));
  const data = join(dir, 'data');
  try {
    const begunMs = performance.now();
    const first = await Running.start(program, SITE, data);
    const readyMs = performance.now() - begunMs;
    await publish(first.mqttPort, 0, READINGS / 2);
    await first.kill();
    const againMs = performance.now();
    const second = await Running.start(program, SITE, data);
    const startedMs = performance.now() - againMs;
    await publish(second.mqttPort, READINGS / 2, READINGS);
    await assertCounts(second.http);
    await assertPage(second.http);
    assert.equal(await second.stop(), 0, 'SIGTERM ends it with status 0');
    const copy = join(dir, 'copy');
    await cp(data, copy, { recursive: true });
    const verified = await command(program, ['verify', SITE, '--data', data, '--json']);
    assert.equal(verified.status, 0, 'it verifies what it wrote');
    const { hash } = JSON.parse(verified.out) as VerifyAnswer;
    const judged = await command(judge, [
      'verify',
      SITE,
      '--data',
      copy,
      '--replay',
      '--expect',
      hash,
      '--json',
    ]);
    assert.equal(judged.status, 0, `${judge.name} finds another state than ${program.name}: ${judged.out}`);
    return { name: program.name, readyMs, againMs: startedMs, hash };
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Debian's own client, QoS 1: it ends with 0 when every message was acknowledged. */
async function publish(port: string, from: number, to: number): Promise<void> {
  const args = ['-h', '127.0.0.1', '-p', port, '-q', '1', '-l', '-t', 'meters/m1/electricity'];
  const client = spawn('mosquitto_pub', args, { stdio: ['pipe', 'ignore', 'inherit'] });
  for (let n = from; n < to; n++)
    client.stdin.write(
      `${JSON.stringify({ ts: START_MS + n * 1_000, kwh: 100 + n * KWH, used: KWH, state: 'NY' })}\n`,
    );
  client.stdin.end();
  const [status] = await once(client, 'close');
  assert.equal(status, 0, 'mosquitto_pub had every reading acknowledged');
}

async function assertCounts(http: string): Promise<void> {
  const ledger = (await (await fetch(`${http}/api/v1/ledger`)).json()) as LedgerAnswer;
  assert.equal(ledger.received, READINGS, 'every acknowledged reading was received');
  assert.equal(ledger.counted, READINGS, 'and counted once');
  const question = `from=${START_MS}&to=${START_MS + 60_000}&measures=used,readings,kwh`;
  const answer = (await (await fetch(`${http}/api/v1/rollups/usage?${question}`)).json()) as RollupAnswer;
  const [{ values }] = answer.series;
  assert.deepEqual(values.readings, [READINGS]);
  assert.deepEqual(values.used, [READINGS * KWH]);
  assert.deepEqual(values.kwh, [(READINGS - 1) * KWH]);
}

async function assertPage(http: string): Promise<void> {
  const page = await fetch(`${http}/`, { headers: { 'accept-encoding': 'br' } });
  const html = await page.text();
  assert.match(html, /<!doctype html>/i);
  assert.equal(page.headers.get('content-encoding'), 'br', 'the page comes compressed');
  const script = /src="(?:\.?\/)?(assets\/[^"]+\.js)"/.exec(html)?.[1];
  assert.ok(script, 'the page names its script');
  const code = await (await fetch(`${http}/${script}`)).text();
  assert.ok(code.length > 10_000, 'and the script is there');
}
