import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TapeWriter } from '@weir/firmware-sim';
import type { Replay } from '@weir/node/contract';
import { Appliance } from '../product/appliance.ts';
import { numberOption } from './cut-loop.ts';
import { clientOf, DAY_MS, DAY_SITE, day, fillDay, packOf, SLOTS, TAPE_BYTES } from './day-of-meters.ts';

/**
 * What the nightly job takes: a day of many meters at 15-minute readings is sent, then read again and compared while
 * readings go on at a steady rate. Prints how long it took, and the acknowledgements' p99 before and meanwhile.
 * `--meters 1000000 --rate 20000` is the long form; `--slots 8` takes two hours of the day.
 */
const TICK_MS = 50;

const meters = numberOption('meters', 20_000);
const rate = numberOption('rate', 2_000);
const seconds = numberOption('seconds', 10);
/** Each sends every ten seconds. */
const others = rate * 10;

/** Readings of other meters at the steady rate, until told; answers the p99 of their acknowledgements. */
async function steady(appliance: Appliance, name: string, going: () => boolean): Promise<number | null> {
  const client = await clientOf(appliance, name, 2_000);
  const startedMs = performance.now();
  for (let sent = 0; going(); ) {
    const due = ((performance.now() - startedMs) / 1000) * rate;
    const tape = new TapeWriter(TAPE_BYTES);
    let packs = 0;
    for (; sent + 100 <= due && packs < 20; sent += 100, packs++)
      tape.add(
        'packs/now/electricity',
        packOf(sent % others, 100, Date.now() - 900_000, SLOTS + sent, 'n'),
        100,
      );
    if (packs > 0) await client.send(tape.tape());
    await pause(TICK_MS);
  }
  await client.settle();
  const p99 = client.latency.percentileMs(0.99);
  await client.close();
  return p99;
}

async function measure(work: string): Promise<object> {
  const site = join(work, 'site.yaml');
  writeFileSync(site, DAY_SITE);
  const appliance = await Appliance.start({ data: join(work, 'data'), site });
  try {
    await appliance.ready();
    const filledS = await fillDay(appliance, meters);
    await appliance.ready();
    process.stderr.write('reconciling\n');
    const endsAtMs = performance.now() + seconds * 1000;
    const before = await steady(appliance, 'before', () => performance.now() < endsAtMs);
    const question = { rollup: 'usage', from: String(day), to: String(day + DAY_MS), apply: true };
    const startedMs = performance.now();
    const begun = await fetch(new URL('/api/v1/replays', appliance.http), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
    });
    let replay = (await begun.json()) as Replay;
    const over = () => replay.state !== 'running' && replay.state !== 'applying';
    const [meanwhile] = await Promise.all([
      steady(appliance, 'meanwhile', () => !over()),
      (async () => {
        while (!over()) {
          await pause(5 * TICK_MS);
          replay = await appliance.json<Replay>(`/api/v1/replays/${replay.id}`);
        }
      })(),
    ]);
    const reconciledS = (performance.now() - startedMs) / 1000;
    const { state, fault, differences, readings } = replay;
    return {
      meters,
      readings: meters * SLOTS,
      filledS,
      reconciledS,
      readingsPerSecond: Math.round(readings / reconciledS),
      replay: {
        state,
        fault,
        differences,
        readings,
        equal: replay.tiers.reduce((sum, one) => sum + one.equal, 0),
      },
      ackP99Ms: { before, meanwhile },
      load: loadavg(),
    };
  } finally {
    await appliance.stop();
  }
}

const work = mkdtempSync(join(tmpdir(), 'weir-reconcile-'));
try {
  process.stdout.write(`${JSON.stringify(await measure(work), null, 2)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
