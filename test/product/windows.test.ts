import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RollupAnswer } from '@weir/node/contract';
import { expect, test } from 'vitest';
import { type Appliance, until } from './appliance.ts';
import { appliance, finallyDo, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Publisher } from './publisher.ts';

const SITE = `weir: 1
site: { name: Windows, timezone: UTC }
streams:
  electricity:
    from: meters/{meter}/electricity
    time: ts
    key: meter
    id: [meter, ts]
    lateness: 2s
    fields: { kwh: { type: counter, decimals: 3 }, used: { type: number, decimals: 3 }, state: text }
rollups:
  sliding:
    of: electricity
    by: [[state], []]
    measures: { used: sum(used), readings: count() }
    tiers: { 1s: 7d }
    over: 5s
    every: 1s
`;

const installed = (() => {
  try {
    execFileSync('which', ['mosquitto_sub']);
    return true;
  } catch {
    return false;
  }
})();

interface Told {
  topic: string;
  rollup: string;
  from: number;
  to: number;
  truncated: boolean;
  series: { by: Record<string, string>; values: Record<string, number>; revision: number }[];
}

/** A real client of another make; what it hears comes as lines. */
function listen(weir: Appliance, more: string[]): { heard: Told[]; ended: Promise<unknown> } {
  const where = ['-h', '127.0.0.1', '-p', String(weir.mqttPort), '-q', '1', '-F', '%t %p'];
  const child = spawn('mosquitto_sub', [...where, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  finallyDo(async () => {
    child.kill();
    await ended;
  });
  const heard: Told[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const at = line.indexOf(' ');
    heard.push({ topic: line.slice(0, at), ...JSON.parse(line.slice(at + 1)) });
  });
  return { heard, ended };
}

test.runIf(installed)(
  'sliding windows are told over MQTT once they are final, each once, and as the API has them',
  async () => {
    const dir = await temporaryDir();
    const site = join(dir, 'site.yaml');
    await writeFile(site, SITE);
    const weir = await appliance({ data: join(dir, 'data'), site });
    const { heard } = listen(weir, ['-t', 'weir/rollups/#']);
    const publisher = await Publisher.open(weir.mqttPort, new Oracle());
    let sent = 0;
    const inTime = () => {
      const ts = Date.now();
      const state = sent++ % 3 === 0 ? 'NY' : 'CA';
      return publisher.single({
        meter: `m${sent % 7}`,
        ts: ts - (sent % 50),
        kwh: sent,
        used: 1 + (sent % 9),
        state,
      });
    };
    const all = () => heard.filter(({ topic }) => topic === 'weir/rollups/sliding');
    const whole = () => all().filter(({ series }) => (series[0]?.values.readings ?? 0) > 0);
    const sendAndLook = async () => {
      await inTime();
      return whole().length >= 7;
    };
    // Readings go on, since it is they and the clock that close windows.
    await until('seven windows with readings', sendAndLook, 90_000);
    await publisher.settle();
    await publisher.close();

    const ends = all().map(({ to }) => to);
    expect(ends).toEqual(ends.map((_, at) => ends[0] + at * 1000));
    expect(all().every(({ from, to, truncated }) => to - from === 5000 && !truncated)).toBe(true);
    const byState = heard.filter(({ topic }) => topic === 'weir/rollups/sliding/by/state');
    let compared = 0;
    for (const told of [...whole(), ...byState]) {
      const by = told.topic.endsWith('state') ? '&by=state' : '';
      const asked = `/api/v1/rollups/sliding?from=${told.to - 1000}&to=${told.to}${by}`;
      const { series } = await weir.json<RollupAnswer>(asked);
      for (const one of told.series) {
        const now = series.find((each) => each.by.state === one.by.state)!;
        // What came late to a busy machine is in the answer, with a revision, and not in what was told.
        if (now.revision[0] !== one.revision) continue;
        expect({ used: now.values.used[0], readings: now.values.readings[0] }).toEqual(one.values);
        expect(now.final).toEqual([true]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThanOrEqual(3);

    // Whoever comes later hears the newest at once.
    const late = listen(weir, ['-t', 'weir/rollups/sliding', '-C', '1', '-W', '60']);
    await late.ended;
    expect(late.heard).toMatchObject([{ rollup: 'sliding', topic: 'weir/rollups/sliding' }]);
    expect(late.heard[0].to).toBeGreaterThanOrEqual(ends[ends.length - 1]);
    expect(await weir.stop()).toBe(0);
  },
  240_000,
);
