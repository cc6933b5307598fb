import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatusAnswer } from '@weir/node/contract';
import { describe, expect, test } from 'vitest';
import { type Appliance, weir as command, until } from './appliance.ts';
import { fillDisk, fragileDisk, noMount, noStrace, smallDisk } from './disks.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';
import { Meters, seeded } from './readings.ts';
import { verify } from './verify.ts';

const RIGHT = { lost: 0, twice: 0, wrong: [] };

interface Load {
  oracle: Oracle;
  meters: Meters;
}

const newLoad = (): Load => ({
  oracle: new Oracle(),
  meters: new Meters(30, Date.now() - 3_600_000, seeded(7), 'p'),
});

async function publish(weir: Appliance, { oracle, meters }: Load, packs: number): Promise<void> {
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 4 });
  for (let at = 0; at < packs; at++) await publisher.pack(meters.take(50));
  await publisher.settle();
  await publisher.close();
}

const logState = async (weir: Appliance) => (await weir.json<StatusAnswer>('/api/v1/status')).log.state;

/** Publishes until the log takes nothing more; answers the publisher, which waits for what is not acknowledged. */
async function unanswered(weir: Appliance, { oracle, meters }: Load, state: string): Promise<Publisher> {
  const publisher = await Publisher.open(weir.mqttPort, oracle, { window: 64 });
  await until(`the log to be ${state}`, async () => {
    if (publisher.inFlight < 50) for (let at = 0; at < 10; at++) await publisher.pack(meters.take(50));
    return (await logState(weir)) === state;
  });
  await until('readings that wait', async () => {
    if (publisher.inFlight < 50) await publisher.pack(meters.take(50));
    return publisher.inFlight >= 50;
  });
  const acked = publisher.ackMs.length;
  // Questions are answered meanwhile, which also takes longer than an acknowledgement would.
  for (let at = 0; at < 5; at++) expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(publisher.ackMs.length).toBe(acked);
  return publisher;
}

/** The devices' side of recovery: what was not acknowledged is sent again, by the same client or the next. */
async function goesOn(weir: Appliance, load: Load): Promise<void> {
  await until('the log to take readings', async () => (await logState(weir)) === 'ok');
  await until('acknowledgements', async () => {
    const again = await Publisher.open(weir.mqttPort, load.oracle);
    const open = load.oracle.maybe();
    for (let at = 0; at < open.length; at += 50) await again.pack(open.slice(at, at + 50), true);
    await again.settle();
    await again.close();
    return true;
  });
  await publish(weir, load, 20);
  expect(await verify(weir, load.oracle)).toEqual(RIGHT);
  await until('the appliance to be ready', async () => (await weir.status('/readyz')) === 200);
}

describe.skipIf(noMount)(`a small disk${noMount ? ` (left out: ${noMount})` : ''}`, () => {
  test('row 10: when it is full nothing is acknowledged and questions are answered; freed, it goes on by itself', async () => {
    const data = await smallDisk(160);
    const load = newLoad();
    const weir = await appliance({ data });
    await publish(weir, load, 20);
    const filler = await fillDisk(data, 256 * 1024);
    const waiting = await unanswered(weir, load, 'full');
    expect((await command('status', '--url', weir.http)).status).toBe(6);
    await rm(filler);
    await goesOn(weir, load);
    await waiting.close();
    expect(await weir.stop()).toBe(0);
  }, 60_000);

  test('row 11: it starts on a disk without a free byte, answers, and goes on when space is freed', async () => {
    const data = await smallDisk(160);
    const load = newLoad();
    const first = await appliance({ data });
    await publish(first, load, 20);
    await first.kill();
    const filler = await fillDisk(data, 0);
    await expect(writeFile(join(data, 'probe'), new Uint8Array(64 * 1024))).rejects.toThrow(/ENOSPC/);
    await rm(join(data, 'probe'), { force: true });
    const weir = await appliance({ data });
    const waiting = await unanswered(weir, load, 'full');
    await rm(filler);
    await goesOn(weir, load);
    await waiting.close();
    expect(await weir.stop()).toBe(0);
  }, 60_000);

  test('row 14: when the file system turns read-only nothing is acknowledged, and reads go on', async (context) => {
    const disk = await fragileDisk(200).catch((fault) => String(fault).split('\n')[0]);
    if (typeof disk === 'string') return context.skip(`no loop mounts here: ${disk}`);
    const { dir, device } = disk;
    const load = newLoad();
    const weir = await appliance({ data: dir });
    await publish(weir, load, 20);
    const refused = await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, '1').catch(String);
    if (refused) return context.skip(`no faults of ext4 can be triggered here: ${refused}`);
    const waiting = await unanswered(weir, load, 'failed');
    const { ready, reasons } = await weir.json<StatusAnswer>('/api/v1/status');
    expect({ ready, reasons }).toEqual({ ready: false, reasons: [expect.stringMatching(/\S/)] });
    await waiting.close();
    await weir.kill();
  }, 60_000);
});

test.skipIf(noStrace)(
  `row 13: questions stay quick while each fsync takes 500 ms${noStrace ? ` (left out: ${noStrace})` : ''}`,
  async () => {
    const inject = ['-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:delay_enter=500000'];
    const data = await temporaryDir();
    const load = newLoad();
    const first = await appliance({ data });
    await publish(first, load, 10);
    expect(await first.stop()).toBe(0);
    const weir = await appliance({
      data,
      under: ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', ...inject],
    });
    let done = false;
    const publishing = publish(weir, load, 6).finally(() => {
      done = true;
    });
    const tookMs: number[] = [];
    while (!done) {
      const startedMs = performance.now();
      await weir.json('/api/v1/rollups/usage?from=-2h&step=15m&by=meter&where.meter=p3');
      tookMs.push(performance.now() - startedMs);
    }
    await publishing;
    tookMs.sort((a, b) => a - b);
    expect(tookMs.length).toBeGreaterThan(20);
    // The ninth tenth, and not the last hundredth: this process and the load share the machine with the appliance.
    expect(tookMs[Math.floor(tookMs.length * 0.9)]).toBeLessThan(50);
    expect(await verify(weir, load.oracle)).toEqual(RIGHT);
    await weir.kill();
  },
  60_000,
);
