import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Undo } from '../run.ts';
import { inOwnNetwork } from './in-network.ts';
import { whyNoContainers } from './possible.ts';
import { boardPackages } from './rootfs.ts';
import { SITE, Stage } from './stage.ts';
import * as steps from './steps.ts';

/**
 * Boards as containers with systemd, from nothing, by the shipped plays and offline: the site play, again, in check mode;
 * an upgrade under load, a broken release, a rollback, backups, a fresh board that takes the place of one, a reset. Needs
 * root, systemd-nspawn, mmdebstrap, ansible, and a package of weir for amd64:
 *
 *     npm run package -- --only x64 --quick
 *     node test/fleet/nspawn.ts --deb dist/package/weir_0.1.0_amd64.deb [--boards 3] [--minutes 120] [--part site]
 *
 * `--part` takes one of site, upgrade, replace, each of which begins with hosts that have nothing, or short, which sets up,
 * sets up again, and looks. Debian for the hosts, and the packages that they install, are fetched once and kept.
 */
const { values } = parseArgs({
  options: {
    deb: { type: 'string' },
    boards: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '120' },
    part: { type: 'string', default: 'all' },
  },
});

async function inside(undo: Undo): Promise<void> {
  if (!values.deb) throw new Error('--deb FILE names the package of weir to begin with');
  const deb = resolve(values.deb);
  const part = PARTS[values.part];
  if (!part) throw new Error(`--part takes ${Object.keys(PARTS).join(', ')}`);
  const names = ['n1', 'n2', 'n3'].slice(0, Number(values.boards));
  const stage = await Stage.set(undo, { deb, names, site: SITE });
  const rows: [string, steps.Shown][] = [];
  const tell = (what: string, shown: steps.Shown) => {
    rows.push([what, shown]);
    process.stdout.write(`${JSON.stringify({ step: what, ...shown })}\n`);
  };
  const bootedMs = performance.now();
  await Promise.all(names.map((name) => stage.boot(name)));
  tell('boot', { seconds: secondsSince(bootedMs), says: `${names.length} hosts with systemd and ssh` });
  await part({ stage, deb, loads: [] }, tell);
  process.stdout.write('\n| step | seconds | shown |\n|---|---|---|\n');
  for (const [what, { seconds, says }] of rows) process.stdout.write(`| ${what} | ${seconds} | ${says} |\n`);
}

type Tell = (what: string, shown: steps.Shown) => void;

const PARTS: Record<string, (world: steps.World, tell: Tell) => Promise<void>> = {
  async short(world, tell) {
    tell('site play from nothing to ready', await steps.siteFromNothing(world));
    tell('site play again', await steps.siteAgain(world));
    tell('verify', await steps.verifyPlay(world));
  },
  async site(world, tell) {
    tell('site play in check mode, of nothing', await steps.checkOfNothing(world));
    tell('site play from nothing to ready', await steps.siteFromNothing(world));
    tell('site play again', await steps.siteAgain(world));
    tell('site play in check mode', await steps.siteInCheckMode(world));
  },
  async upgrade(world, tell) {
    tell('site play from nothing to ready', await steps.siteFromNothing(world));
    await upgrades(world, tell);
  },
  async replace(world, tell) {
    tell('site play from nothing to ready', await steps.siteFromNothing(world));
    await replaces(world, tell);
  },
  async all(world, tell) {
    await PARTS.site(world, tell);
    await upgrades(world, tell);
    await replaces(world, tell);
  },
};

async function upgrades(world: steps.World, tell: Tell): Promise<void> {
  await steps.addLoads(world);
  tell('upgrade under load', await steps.upgradeUnderLoad(world));
  tell('a broken release, under load', await steps.brokenRelease(world));
  tell('verify', await steps.verifyPlay(world));
  tell('rollback, under load', await steps.rollback(world));
}

async function replaces(world: steps.World, tell: Tell): Promise<void> {
  await steps.addLoads(world);
  tell('backup, under load', await steps.backup(world));
  tell('replace-board', await steps.replaceBoard(world));
  tell('restore', await steps.restore(world));
  tell('reset', await steps.reset(world));
}

const secondsSince = (ms: number) => Math.round((performance.now() - ms) / 1000);

const why = whyNoContainers();
if (why !== null) throw new Error(`nothing was tried: ${why}`);
await inOwnNetwork(Number(values.minutes), boardPackages, inside);
