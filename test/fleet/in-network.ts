import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { endRuns, Undo } from '../run.ts';
import { inNetwork, makeNetwork, NETWORK, removeLeftOver, removeMade, WORK } from './containers.ts';

/**
 * Runs a proof in a network of its own: the network is made by a process outside, and all that happens happens in one
 * inside. Whatever ends the proof, a signal or its time, what it has made is undone; when one of the two is killed, by the
 * other, and when both are, by the next run. What has to be fetched is fetched by `prepare`, before, where there is a
 * network.
 */
export async function inOwnNetwork(
  mostMinutes: number,
  prepare: () => Promise<unknown>,
  inside: (undo: Undo) => Promise<void>,
): Promise<void> {
  if (!process.env.WEIR_FLEET_NETWORK) {
    await removeLeftOver();
    await prepare();
    return outside();
  }
  const outer = process.ppid;
  const undo = new Undo();
  let ending: Promise<void> | null = null;
  const end = (status: number, why: string): void => {
    if (ending !== null) return;
    process.stderr.write(`${why}; tidying up\n`);
    endRuns();
    ending = undoAll().finally(() => process.exit(status));
  };
  const undoAll = async () => {
    await undo.all();
    if (process.ppid !== outer) await removeMade();
  };
  process.on('SIGTERM', () => end(143, 'ended')).on('SIGINT', () => end(130, 'interrupted'));
  const tooLong = setTimeout(
    () => end(124, `${mostMinutes} minutes have passed`),
    mostMinutes * 60_000,
  ).unref();
  try {
    await inside(undo);
  } catch (fault) {
    // What is ended by a signal fails in many places; the signal is what there is to tell.
    if (ending === null) throw fault;
  } finally {
    clearTimeout(tooLong);
    await (ending ?? undoAll());
  }
}

async function outside(): Promise<void> {
  try {
    mkdirSync(WORK);
    await makeNetwork();
    // A group of its own: a key pressed on the terminal reaches it once, through this process.
    const again = ['setpriv', '--pdeathsig=TERM', process.execPath, ...process.argv.slice(1)];
    const child = spawn(inNetwork[0], [...inNetwork.slice(1), ...again], {
      stdio: 'inherit',
      detached: true,
      env: { ...process.env, WEIR_FLEET_NETWORK: NETWORK },
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
    const [code] = await once(child, 'exit');
    process.exitCode = code ?? 1;
  } finally {
    await removeMade();
  }
}
