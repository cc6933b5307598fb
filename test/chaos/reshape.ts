import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TapeWriter } from '@weir/firmware-sim';
import type { Replay, RollupAnswer, SiteEditAnswer } from '@weir/node/contract';
import { Appliance } from '../product/appliance.ts';
import { numberOption } from './cut-loop.ts';
import { clientOf, DAY_MS, DAY_SITE, day, fillDay, packOf, SLOTS, TAPE_BYTES } from './day-of-meters.ts';

/**
 * What an edit takes that stored buckets cannot follow: a day of many meters is sent, then a measure is added while
 * readings go on. Prints how long the new tables were filled, and for how long nothing was acknowledged while they took
 * their places; fails when a reading of the day is not counted afterwards. `--meters 200000 --rate 5000` is the long form.
 */
const TICK_MS = 50;
const PACK = 100;
const meters = numberOption('meters', 5_000);
const rate = numberOption('rate', 1_000);

/** Sends at the steady rate over connections that break; answers the longest time without an acknowledgement. */
async function steady(appliance: Appliance, going: () => boolean): Promise<number> {
  let longest = 0;
  let lastMs = performance.now();
  for (let sent = 0, n = 0; going(); n++) {
    try {
      const client = await clientOf(appliance, `edit${n}`, 64);
      for (; going(); sent += PACK) {
        const tape = new TapeWriter(TAPE_BYTES);
        const pack = packOf(sent % meters, Math.min(PACK, meters), Date.now() - 900_000, SLOTS + sent);
        tape.add('packs/now/electricity', pack, PACK);
        await client.send(tape.tape());
        await client.settle();
        longest = Math.max(longest, performance.now() - lastMs);
        lastMs = performance.now();
        await pause((1000 * PACK) / rate);
      }
      await client.close();
    } catch (fault) {
      // It begins anew: the next connection finds it, or not yet.
      if (!(fault instanceof Error)) throw fault;
      await pause(TICK_MS);
    }
  }
  return longest;
}

async function edit(appliance: Appliance): Promise<number> {
  const text = DAY_SITE.replace('readings: count()', 'readings: count(), opening: first(kwh)');
  const answer = await fetch(new URL('/api/v1/site', appliance.http), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, apply: true }),
  });
  const { replay } = (await answer.json()) as SiteEditAnswer;
  if (replay === null) throw new Error('the edit was not taken for one that is filled first');
  return replay;
}

async function measure(work: string): Promise<object> {
  const site = join(work, 'site.yaml');
  writeFileSync(site, DAY_SITE);
  const appliance = await Appliance.start({ data: join(work, 'data'), site });
  try {
    await appliance.ready();
    await fillDay(appliance, meters);
    await appliance.ready();
    const startedMs = performance.now();
    const id = await edit(appliance);
    let filledMs = 0;
    let state: Replay['state'] = 'running';
    const [awayMs] = await Promise.all([
      steady(appliance, () => state !== 'applied'),
      (async () => {
        while (state !== 'applied') {
          await pause(TICK_MS);
          const replay = await appliance.json<Replay>(`/api/v1/replays/${id}`).catch(() => null);
          if (replay === null) continue;
          state = replay.state;
          if (state !== 'running' && filledMs === 0) filledMs = performance.now() - startedMs;
          if (state === 'failed' || state === 'cancelled')
            throw new Error(`the edit ${state}: ${replay.fault}`);
        }
      })(),
    ]);
    const path = `/api/v1/rollups/usage?from=${day}&to=${day + DAY_MS}&step=1d&measures=readings,opening`;
    const { series } = await appliance.json<RollupAnswer>(path);
    const counted = series[0].values.readings[0];
    if (counted !== meters * SLOTS)
      throw new Error(`${counted} of ${meters * SLOTS} readings of the day are counted`);
    const appliedS = (performance.now() - startedMs) / 1000;
    return {
      meters,
      readings: counted,
      filledS: filledMs / 1000,
      appliedS,
      awayS: awayMs / 1000,
      load: loadavg(),
    };
  } finally {
    await appliance.stop();
  }
}

const work = mkdtempSync(join(tmpdir(), 'weir-reshape-'));
try {
  process.stdout.write(`${JSON.stringify(await measure(work), null, 2)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
