import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifyAnswer } from '@weir/node/contract';
import { verify } from '../product/verify.ts';
import { must } from '../run.ts';
import { changedOn, type Played } from './plays.ts';
import { repack } from './releases.ts';
import type { Stage } from './stage.ts';
import { SteadyLoad } from './steady-load.ts';

/** What a step showed, in words and figures. A step that does not show it throws. */
export interface Shown {
  seconds: number;
  says: string;
}

export interface World {
  stage: Stage;
  /** The package that the boards begin with. */
  deb: string;
  /** One a board, in the order of the names; each knows of all that its board was ever sent. */
  loads: SteadyLoad[];
}

const BACKUPS = '/var/backups/weir';
const WEIR = ['runuser', '-u', 'weir', '--', '/usr/local/bin/weir'];
const DATA = ['--data', '/var/lib/weir'];

function need(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function eachOf(played: Played, names: readonly string[], figure: string, must: number): boolean {
  return names.every((name) => played.hosts[name]?.[figure] === must);
}

/** The tasks of a run that changed something, with the hosts. */
function tasksThatChange({ stdout }: Played): string {
  const tasks = stdout.split(/^(?=(?:TASK|RUNNING HANDLER) \[)/m);
  const lines = tasks.map((text) => [text.split('\n')[0], ...(text.match(/^changed: .*$/gm) ?? [])]);
  return lines
    .filter(({ length }) => length > 1)
    .map((all) => all.join(' '))
    .join('\n');
}

/** Devices for every board, which stay with it through the steps. */
export async function addLoads({ stage, loads }: World): Promise<void> {
  for (const name of stage.names.slice(loads.length))
    loads.push(await SteadyLoad.of(await stage.board(name), loads.length + 1));
}

/** What a check tells before anything is there: nothing is written, and nothing fails for being absent. */
export async function checkOfNothing({ stage }: World): Promise<Shown> {
  const checked = await stage.plays.good('site', '--check', '--diff');
  need(eachOf(checked, stage.names, 'failed', 0), 'the recap does not name every board');
  for (const name of stage.names)
    for (const path of ['opt/weir', 'etc/weir', 'etc/nftables.conf'])
      need(!existsSync(join(stage.work, name, path)), `the check wrote ${path} on ${name}`);
  return { seconds: checked.seconds, says: 'nothing was written' };
}

export async function siteFromNothing({ stage }: World): Promise<Shown> {
  const first = await stage.plays.good('site');
  need(eachOf(first, stage.names, 'failed', 0), 'the recap does not name every board');
  for (const name of stage.names) {
    const { reach } = await stage.board(name);
    const { status } = await fetch(new URL('/readyz', reach.http), { signal: AbortSignal.timeout(60_000) });
    need(status === 200, `${name} answers /readyz with ${status}`);
  }
  return { seconds: first.seconds, says: `/readyz on ${stage.names.length}; changes ${figures(first)}` };
}

export async function siteAgain({ stage }: World): Promise<Shown> {
  const second = await stage.plays.good('site');
  need(
    eachOf(second, stage.names, 'changed', 0),
    `a second run changes ${figures(second)}\n${tasksThatChange(second)}`,
  );
  return { seconds: second.seconds, says: `changed=0 on ${stage.names.length}` };
}

export async function siteInCheckMode({ stage }: World): Promise<Shown> {
  const checked = await stage.plays.good('site', '--check', '--diff');
  need(
    eachOf(checked, stage.names, 'changed', 0) && eachOf(checked, stage.names, 'failed', 0),
    `check mode would change ${figures(checked)}\n${tasksThatChange(checked)}`,
  );
  return { seconds: checked.seconds, says: `changed=0 on ${stage.names.length}` };
}

export async function upgradeUnderLoad(world: World): Promise<Shown> {
  const { stage, deb, loads } = world;
  const version = `${stage.version}+next`;
  await repack(deb, { version, dir: stage.packages });
  await Promise.all(loads.map((load) => load.start()));
  const upgrade = await stage.plays.good('upgrade', '--extra-vars', `weir_version=${version}`);
  await Promise.all(loads.map((load) => load.acked(200)));
  for (const name of stage.names) await runs(stage, name, version);
  return { seconds: upgrade.seconds, says: `all run ${version}; ${await judged(loads)}` };
}

export async function brokenRelease({ stage, deb, loads }: World): Promise<Shown> {
  const [first, ...others] = stage.names;
  const before = await (await stage.board(first)).release();
  const version = `${stage.version}+wrong`;
  await repack(deb, { version, broken: true, dir: stage.packages });
  await Promise.all(loads.map((load) => load.start()));
  const upgrade = await stage.plays.play('upgrade', '--extra-vars', `weir_version=${version}`);
  need(upgrade.status !== 0, 'the play took a broken release');
  const why = /release \S+ is not well; \S+ runs again/.exec(upgrade.stdout)?.[0];
  need(why !== undefined, `the play does not say why it ended:\n${upgrade.stdout.slice(-3_000)}`);
  await Promise.all(loads.map((load) => load.acked(200)));
  for (const name of stage.names) await runs(stage, name, before);
  for (const name of others)
    need(
      !existsSync(join(stage.work, name, 'opt/weir/releases', version)),
      `the play went on to ${name} after ${first} had gone back`,
    );
  return { seconds: upgrade.seconds, says: `${why}; the play ended there; ${await judged(loads)}` };
}

export async function verifyPlay({ stage }: World): Promise<Shown> {
  const verified = await stage.plays.good('verify');
  need(
    eachOf(verified, stage.names, 'changed', 0) && eachOf(verified, stage.names, 'failed', 0),
    'the play verify changed something',
  );
  const hashes = [...verified.stdout.matchAll(/state ([0-9a-f]{32})/g)].map(([, hash]) => hash);
  need(hashes.length >= stage.names.length, `it tells ${hashes.length} hashes`);
  return { seconds: verified.seconds, says: `ready, ledgers reconcile, no trial, ${hashes.length} hashes` };
}

export async function rollback({ stage, loads }: World): Promise<Shown> {
  const [name] = stage.names;
  await loads[0].start();
  const back = await stage.plays.good('rollback', '--limit', name);
  await loads[0].acked(200);
  await runs(stage, name, stage.version);
  return { seconds: back.seconds, says: `${name} runs ${stage.version}; ${await judged([loads[0]])}` };
}

/** While it runs and takes readings; what is there already is not copied again. */
export async function backup({ stage, loads }: World): Promise<Shown> {
  const [name] = stage.names;
  const play = () =>
    stage.plays.good('backup', '--limit', name, '--extra-vars', `weir_backup_dir=${BACKUPS}`);
  await loads[0].start();
  const first = await play();
  const second = await play();
  await loads[0].acked(200);
  const says = await judged([loads[0]]);
  const [all, more] = [first, second].map(copiedIn);
  need(all.copied > 0 && more.there > 0, `it copied ${all.copied} pieces, and found ${more.there} later`);
  return {
    seconds: first.seconds,
    says: `under load, twice; ${all.copied} pieces at first, then ${more.copied}, and ${more.there} were there; ${says}`,
  };
}

/** What `weir backup` said of its pieces. */
function copiedIn({ stdout }: Played): { copied: number; there: number } {
  const [, copied, there] = /; (\d+) pieces \([^)]*\) copied, (\d+) were there/.exec(stdout) ?? [];
  return { copied: Number(copied), there: Number(there) };
}

/** What `weir restore` said of the state. */
function restoredIn({ stdout }: Played): { hash?: string; position: number } {
  const [, hash, position] = /state +([0-9a-f]{32}) at record (\d+)/.exec(stdout) ?? [];
  return { hash, position: Number(position) };
}

/**
 * The first board dies after a last backup, and a fresh one takes over what it knew, from the backup carried over as a
 * disk would be. The state that was restored has the hash that the dead board's own directory gives.
 */
export async function replaceBoard({ stage, loads }: World): Promise<Shown> {
  const [name] = stage.names;
  const dying = await stage.board(name);
  await dying.on('systemctl', 'stop', 'weir');
  await stage.plays.good('backup', '--limit', name, '--extra-vars', `weir_backup_dir=${BACKUPS}`);
  const was = JSON.parse(await dying.on(...WEIR, 'verify', '--json', ...DATA)) as VerifyAnswer;
  await stage.boot('n4');
  await carryOver(stage, name, 'n4');
  const replaced = await stage.plays.good(
    'replace-board',
    ...['--inventory', stage.inventoryOf('n4'), '--limit', 'n4'],
    ...['--extra-vars', `weir_restore=n4 weir_restore_from=${BACKUPS}`],
  );
  const is = restoredIn(replaced);
  need(
    is.hash === was.hash && is.position === was.position,
    `${name} was ${was.hash} at ${was.position}, n4 is ${is.hash} at ${is.position}`,
  );
  const verdict = await verify(await stage.board('n4'), loads[0].oracle);
  need(verdict.lost === 0 && verdict.twice === 0 && verdict.wrong.length === 0, JSON.stringify(verdict));
  await dying.on('systemctl', 'start', 'weir');
  const says = `state ${is.hash} at record ${is.position} on both; n4 knows all ${loads[0].oracle.ackedReadings} readings`;
  return { seconds: replaced.seconds, says };
}

/** On a board that runs and knows more than nothing; the others are left alone. */
export async function restore({ stage, loads }: World): Promise<Shown> {
  const [name] = stage.names;
  const from = ['--limit', name, '--extra-vars', `weir_restore_from=${BACKUPS}`];
  const before = await counted(stage, name);
  const unnamed = await stage.plays.play('restore', ...from);
  need(unnamed.status !== 0, 'the play restores a board that was not named');
  need((await counted(stage, name)) === before, 'a refused restore changed the board');
  const done = await stage.plays.good('restore', ...from, '--extra-vars', `weir_restore=${name}`);
  const is = restoredIn(done);
  need(is.hash !== undefined, `the play does not say what it restored:\n${done.stdout.slice(-3_000)}`);
  const [load] = loads;
  return {
    seconds: done.seconds,
    says: `refused without the name; ${name} is ${is.hash} at record ${is.position}; ${await judged([load])}`,
  };
}

async function carryOver(stage: Stage, from: string, to: string): Promise<void> {
  const [out, into] = [from, to].map((name) => stage.reach(name).ssh.join(' '));
  const unpack = `install -d -m 755 /var/backups && tar -C /var/backups --numeric-owner -xf - && chmod -R a+rX ${BACKUPS}`;
  await must(['bash', '-c', `set -o pipefail; ${out} tar -C /var/backups -cf - weir | ${into} '${unpack}'`]);
}

export async function reset({ stage, loads }: World): Promise<Shown> {
  const name = stage.names.at(-1)!;
  await loads.at(-1)!.start();
  await loads.at(-1)!.stop();
  const before = await counted(stage, name);
  const unnamed = await stage.plays.play('reset', '--limit', name);
  need(unnamed.status !== 0, 'the play resets a board that was not named');
  need((await counted(stage, name)) === before, 'a refused reset changed the board');
  const done = await stage.plays.good('reset', '--limit', name, '--extra-vars', `weir_reset=${name}`);
  const after = await counted(stage, name);
  need(before > 0 && after === 0, `${name} counted ${before} readings before and ${after} after`);
  return { seconds: done.seconds, says: `refused without the name; ${name} counted ${before}, now ${after}` };
}

async function counted(stage: Stage, name: string): Promise<number> {
  const ledger = await (await stage.board(name)).json<{ counted: number }>(
    '/api/v1/ledger?stream=electricity',
  );
  return ledger.counted;
}

async function runs(stage: Stage, name: string, version: string): Promise<void> {
  const release = await (await stage.board(name)).release();
  need(release === version, `${name} runs ${release}, not ${version}`);
}

/** Stops the loads and holds each board against what was acknowledged. */
async function judged(loads: SteadyLoad[]): Promise<string> {
  let acked = 0;
  let connections = 0;
  for (const load of loads) {
    await load.stop();
    const verdict = await load.judge();
    need(
      verdict.lost === 0 && verdict.twice === 0 && verdict.wrong.length === 0,
      `lost ${verdict.lost}, twice ${verdict.twice}: ${verdict.wrong.join('; ')}`,
    );
    acked += load.oracle.ackedReadings;
    connections += load.connections;
  }
  return `${acked} readings acknowledged over ${connections} connections, 0 lost, 0 twice`;
}

function figures(played: Played): string {
  return Object.entries(changedOn(played))
    .map(([host, changed]) => `${host}=${changed}`)
    .join(' ');
}
