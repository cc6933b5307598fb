import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAppender, verifyLog } from './log-victim.ts';

/** Row 8: kill -9 while the log is appended to, again and again on the same directory. */
export async function killLoop(
  times: number,
  random: () => number,
  progress: (line: string) => void,
): Promise<{ kills: number; acked: number; lost: number; openMsMax: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-kill-'));
  const result = { kills: 0, acked: 0, lost: 0, openMsMax: 0 };
  try {
    for (let at = 0; at < times; at++) {
      const victim = startAppender(dir);
      // Killed after some number of acks rather than some time, so that a slow machine tests the same.
      await victim.reaches(1 + Math.floor(random() * 150));
      victim.kill();
      await victim.ended;
      const acked = Math.max(result.acked, victim.acked());
      const { lost, openMs } = await verifyLog(dir, acked);
      result.kills++;
      result.acked = acked;
      result.lost += lost;
      result.openMsMax = Math.max(result.openMsMax, openMs);
      progress(`kill ${at + 1}: acked ${acked}, lost ${lost}, opened in ${openMs.toFixed(0)} ms`);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return result;
}

if (import.meta.main) {
  const times = Number(process.argv[2] ?? 500);
  const result = await killLoop(times, Math.random, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.lost === 0 ? 0 : 1;
}
