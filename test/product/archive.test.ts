import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSite, type Replay, type RollupAnswer } from '@weir/node/contract';
import pino from 'pino';
import { expect, test } from 'vitest';
import { ArchiveRuns } from '../../node/src/board/archive-runs.ts';
import { Archiver } from '../../node/src/board/archiver.ts';
import { boardCodec } from '../../node/src/board/board-codec.ts';
import { placesOf } from '../../node/src/board/data-dir.ts';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { type Appliance, weir as command, SITE, until } from './appliance.ts';
import { appliance, temporaryDir } from './harness.ts';
import { Oracle } from './oracle.ts';
import { Meters, seeded } from './readings.ts';
import { untidyLoad } from './untidy-load.ts';
import { verify } from './verify.ts';

const seed = 1 + Math.floor(Math.random() * 2 ** 31);
const RIGHT = { lost: 0, twice: 0, wrong: [] };

/** What the retention job does in the course of days: all of the log is archived, and forgotten but for its end. */
async function archiveAndForget(data: string, siteText: string): Promise<number> {
  const dir = placesOf(data);
  const { site } = parseSite(siteText, 'site.yaml');
  if (site === null) throw new Error('the site file of the test is wrong');
  const log = await openEmbeddedLog({ dir: data, codec: boardCodec, ballastBytes: 0, segmentRecords: 1 });
  try {
    const entry = new URL('../../node/src/shard/thread-entry.ts', import.meta.url);
    const runs = new ArchiveRuns(dir.archiveRuns);
    const logger = pino({ level: 'silent' });
    const { archive } = site.retention;
    const parts = { site, file: dir.archive, runs, life: '', log, entry, logger, nowMs: Date.now };
    const { last } = log.bounds();
    expect(await new Archiver(parts, archive!).run(last)).toBe(last);
    const empty = { wallMs: Date.now(), clockTrusted: true, layouts: [], sections: [], setAside: [] };
    await log.append({ seq: last + 1, ...empty });
    await log.append({ seq: last + 2, ...empty });
    await log.forget({ olderThanWallMs: null, maxBytes: 0, keepFromSeq: last + 1 });
    expect(log.bounds().first).toBeGreaterThan(1);
    return log.bounds().first;
  } finally {
    await log.close();
  }
}

async function replayOf(weir: Appliance, ...more: string[]): Promise<Replay> {
  const told = await command('replay', 'usage', '--url', weir.http, '--json', ...more);
  return JSON.parse(told.stdout) as Replay;
}

test(`what the log has forgotten is read again from the archive (seed ${seed})`, async () => {
  const place = await temporaryDir();
  const data = join(place, 'data');
  const usb = join(place, 'usb');
  await mkdir(usb);
  const site = join(place, 'site.yaml');
  const text = `${await readFile(SITE, 'utf8')}\nretention: { raw: 48h, archive: { dir: ${usb}, format: parquet } }\n`;
  await writeFile(site, text);
  const oracle = new Oracle();
  const meters = new Meters(40, Date.now() - 5_400_000, seeded(seed), 'p');
  let weir = await appliance({ data, site });
  await untidyLoad(weir, oracle, meters, { packs: 60, seed });
  // All of it is applied before the end, so that the stores include all that the log is about to forget.
  expect(await verify(weir, oracle)).toEqual(RIGHT);
  expect(await weir.stop()).toBe(0);
  const first = await archiveAndForget(data, text);

  // A rollup that the site file adds has what the log does not have any more.
  const added = `  extra:
    of: electricity
    by: [[state]]
    measures: { grown: increase(kwh), readings: count() }
    tiers: { 1m: 7d, 1h: 4mo }
retention:`;
  await writeFile(site, text.replace('\nretention:', added));
  weir = await appliance({ data, site });
  await untidyLoad(weir, oracle, meters, { packs: 20, seed });
  let fill!: Replay;
  await until(
    'the added rollup to be filled',
    async () => {
      [fill] = (await weir.json<{ replays: Replay[] }>('/api/v1/replays')).replays.slice(-1);
      return fill.state !== 'running' && fill.state !== 'applying';
    },
    240_000,
  );
  expect(fill).toMatchObject({ reason: 'site', state: 'applied', fault: null, from: null });
  expect(fill.archive).toBe(`records 1 to ${first - 1} of the log`);
  const span = `from=${oracle.fromMs - 3_600_000}&to=${oracle.toMs + 3_600_000}&step=1h`;
  const sums = async (rollup: string, names: string[]) => {
    const asked = `/api/v1/rollups/${rollup}?${span}&by=state&measures=${names.join(',')}`;
    const { series } = await weir.json<RollupAnswer>(asked);
    return Object.fromEntries(series.map(({ by, values }) => [by.state, names.map((name) => values[name])]));
  };
  expect(await sums('extra', ['grown', 'readings'])).toEqual(await sums('usage', ['kwh', 'readings']));

  // So has one that is there: nothing differs, from the first reading on.
  const whole = await replayOf(weir);
  expect(whole, JSON.stringify(whole)).toMatchObject({ state: 'ready', differences: 0, from: null });
  expect(whole.tiers.every(({ equal }) => equal > 0)).toBe(true);
  expect(await verify(weir, oracle)).toEqual(RIGHT);

  // A board that is restored from a backup knows its archive as well.
  const copy = join(place, 'copy');
  const restored = join(place, 'restored');
  for (const [what, dir] of [
    ['backup', data],
    ['restore', restored],
  ]) {
    const told = await command(what, copy, '--data', dir);
    expect(told.status, told.stderr).toBe(0);
  }
  const again = await appliance({ data: restored, site });
  await again.ready();
  const there = await replayOf(again);
  expect(there, JSON.stringify(there)).toMatchObject({ state: 'ready', differences: 0, from: null });
  expect(there.archive).toBe(fill.archive);
  expect(await again.stop()).toBe(0);

  // Files that are not there are said to be missing, and what the log has is read; one that rotted is refused.
  await rename(usb, `${usb}-away`);
  const without = await replayOf(weir);
  expect(without).toMatchObject({
    state: 'ready',
    differences: 0,
    from: expect.any(Number),
    archive: expect.stringMatching(/^not read: .* is not there/),
  });
  await rename(`${usb}-away`, usb);
  const folder = join(usb, 'raw', 'electricity');
  const file = join(folder, (await readdir(folder))[0]);
  const bytes = await readFile(file);
  bytes[bytes.length >> 1] ^= 1;
  await writeFile(file, bytes);
  const rotten = await replayOf(weir, '--apply');
  expect(rotten).toMatchObject({ state: 'failed', fault: expect.stringMatching(/is not what was archived/) });
  expect(await verify(weir, oracle)).toEqual(RIGHT);
}, 600_000);
