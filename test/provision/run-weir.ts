import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '@weir/node/commands';
import { provisionCommand } from '@weir/provision';
import { onTestFinished, vi } from 'vitest';

export interface Said {
  status: number;
  out: string;
  err: string;
}

/** Runs `weir provision …` in this process, as the front door does. */
export const provision = (...argv: string[]): Promise<Said> =>
  listening(() => provisionCommand(argv, runCommand));

export async function listening(run: () => Promise<number>): Promise<Said> {
  const said = { out: '', err: '' };
  const ears = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => heard('out', text)),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => heard('err', text)),
  ];
  function heard(where: 'out' | 'err', text: string | Uint8Array): boolean {
    said[where] += text.toString();
    return true;
  }
  try {
    const status = await run();
    return { status, ...said };
  } finally {
    for (const ear of ears) ear.mockRestore();
  }
}

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-provision-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A site with a board and a device. */
export async function newSite(): Promise<string> {
  const dir = join(await temporaryDir(), 'site');
  for (const argv of [
    ['init', '--name', 'Riverside', '--timezone', 'Europe/Berlin'],
    ['add-board', 'gate1', '--board', 'odroid-c4', '--address', '127.0.0.1/8'],
    ['add-device', 'm1'],
  ]) {
    const { status, err } = await provision(...argv, '--dir', dir);
    if (status !== 0) throw new Error(err);
  }
  return dir;
}
