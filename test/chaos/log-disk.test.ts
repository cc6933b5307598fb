import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogRecord } from '@weir/node/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { all, codeOf } from '../../node/src/log/contract-suite.ts';
import type { CommitLog } from '../../node/src/log/port.ts';
import { plainCodec, sampleRecord } from '../../node/src/log/sample-records.ts';
import { openEmbeddedLog } from '../../node/src/store/log/embedded-log.ts';
import { CHAOS_LOG, chaosRecord } from './log-records.ts';
import { startAppender, verifyLog } from './log-victim.ts';

const MIB = 1024 * 1024;
const reader = fileURLToPath(new URL('log-reader.ts', import.meta.url));
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-disk-'));
  undo.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function refusalOf(probe: () => void): string | null {
  try {
    probe();
    return null;
  } catch (fault) {
    return String(fault).split('\n')[0];
  }
}

/** Null when it works here; else why the tests that need it are skipped, which their names then say. */
const noMount = refusalOf(() => {
  const dir = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir], { stdio: 'pipe' });
    execFileSync('umount', [dir]);
  } finally {
    execFileSync('rmdir', [dir]);
  }
});
const noStrace = refusalOf(() =>
  execFileSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'pipe' }),
);

async function smallDisk(megabytes: number): Promise<string> {
  const dir = await tempDir();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir]);
  undo.push(() => execFileSync('umount', ['-l', dir]));
  return dir;
}

/** Some 30 KB each, so that a disk is full after a few hundred. */
function bulkyRecord(seq: number): LogRecord {
  const payload = Uint8Array.from({ length: 8000 }, (_, at) => (at * seq) % 251);
  const message = { stream: 's', reason: 'malformed' as const, topic: 't', payload, payloadBytes: 8000 };
  return { ...sampleRecord(seq), setAside: [message] };
}

/** Takes all but `leave` bytes of the disk. */
async function fillDisk(dir: string, leave: number): Promise<string> {
  const { bavail, bsize } = await statfs(dir);
  const path = join(dir, 'somebody-elses');
  await writeFile(path, new Uint8Array(bavail * bsize - leave));
  return path;
}

async function appendUntilRefused(log: CommitLog): Promise<string> {
  for (;;) {
    const code = await codeOf(log.append(bulkyRecord(log.bounds().last + 1)));
    if (code !== 'resolved') return code;
  }
}

async function expectWhole(log: CommitLog): Promise<void> {
  const entries = await all(log, 1);
  expect(entries.length).toBe(log.bounds().last);
  expect(entries.filter((entry) => entry.bytes === null)).toEqual([]);
}

describe.skipIf(noMount)(`a disk that is full${noMount ? ` (skipped: ${noMount})` : ''}`, () => {
  for (const [how, reserveBytes] of [
    ['before it is full, at the reserve', 3 * MIB],
    ['when the disk itself says so', 0],
  ] as const) {
    it(`row 10: refuses ${how}, serves reads, and goes on when space is freed`, async () => {
      const dir = await smallDisk(48);
      const log = await openEmbeddedLog({
        dir,
        ...CHAOS_LOG,
        ballastBytes: 2 * MIB,
        reserveBytes,
        retryMs: 20,
      });
      undo.push(() => log.close());
      for (let seq = 1; seq <= 30; seq++) await log.append(bulkyRecord(seq));
      const filler = await fillDisk(dir, 5 * MIB);
      expect(await appendUntilRefused(log)).toBe('WEIR_LOG_FULL');
      expect(log.stats().state).toBe('full');
      const { last } = log.bounds();
      await expectWhole(log);
      expect(await codeOf(log.append(bulkyRecord(last + 1)))).toBe('WEIR_LOG_FULL');
      await rm(filler);
      await expect.poll(() => log.stats().state, { timeout: 10_000 }).toBe('ok');
      expect(log.bounds().last).toBe(last);
      for (let seq = last + 1; seq <= last + 30; seq++) await log.append(bulkyRecord(seq));
      await expectWhole(log);
    }, 60_000);
  }

  it('row 11: starts on a disk without a free byte, serves reads, and goes on when space is freed', async () => {
    const dir = await smallDisk(64);
    const options = {
      dir,
      codec: plainCodec,
      ...CHAOS_LOG,
      ballastBytes: 12 * MIB,
      reserveBytes: 16 * MIB,
      retryMs: 20,
    };
    let log = await openEmbeddedLog(options);
    for (let seq = 1; seq <= 200; seq++) await log.append(bulkyRecord(seq));
    await log.close();
    const filler = await fillDisk(dir, 0);
    log = await openEmbeddedLog(options);
    undo.push(() => log.close());
    expect(log.bounds().last).toBe(200);
    await expectWhole(log);
    expect(await codeOf(log.append(bulkyRecord(201)))).toBe('WEIR_LOG_FULL');
    await rm(filler);
    await expect.poll(() => log.stats().state, { timeout: 10_000 }).toBe('ok');
    await log.append(bulkyRecord(201));
    await expectWhole(log);
  }, 60_000);
});

describe.skipIf(noStrace)(`a disk that fails${noStrace ? ` (skipped: ${noStrace})` : ''}`, () => {
  const strace = (inject: string) => {
    return ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', inject];
  };

  it('row 12: acks nothing whose fsync failed, and goes on when fsync works again', async () => {
    const dir = await tempDir();
    const victim = startAppender(dir, strace('inject=fdatasync:error=EIO:when=40..42'));
    await victim.reaches(300);
    victim.kill();
    await victim.ended;
    expect(victim.refused).toContain('WEIR_LOG_UNAVAILABLE');
    expect(await verifyLog(dir, victim.acked())).toMatchObject({ lost: 0 });
  }, 60_000);

  it('row 13: reads take no longer while an fsync takes 500 ms', async () => {
    const dir = await tempDir();
    const log = await openEmbeddedLog({ dir, ...CHAOS_LOG });
    for (let seq = 1; seq <= 100; seq++) await log.append(chaosRecord(seq));
    await log.close();
    const slowly = strace('inject=fdatasync:delay_enter=500000');
    const answer = execFileSync(slowly[0], [...slowly.slice(1), process.execPath, reader, 'slow', dir]);
    const { syncMs, reads, readMsP99 } = JSON.parse(answer.toString());
    expect(syncMs).toBeGreaterThan(500);
    expect(reads).toBeGreaterThan(20);
    expect(readMsP99).toBeLessThan(50);
  }, 60_000);
});

it('row 21: without file descriptors it refuses, and recovers when there are some', async () => {
  const dir = await tempDir();
  const log = await openEmbeddedLog({ dir, ...CHAOS_LOG, segmentBytes: 64 * 1024 });
  for (let seq = 1; seq <= 200; seq++) await log.append(chaosRecord(seq));
  await log.close();
  const answer = execFileSync('prlimit', ['--nofile=120', process.execPath, reader, 'fds', dir]);
  const { taken, during, after } = JSON.parse(answer.toString());
  expect(taken).toBeGreaterThan(10);
  expect(during[0]).toMatch(/^(ok|WEIR_LOG_UNAVAILABLE)$/);
  expect(during.slice(1)).toEqual(['WEIR_LOG_UNAVAILABLE', 'failed']);
  expect(after).toEqual(['ok', 'ok']);
}, 60_000);
