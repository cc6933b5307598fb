import { cpus, release, totalmem } from 'node:os';

/** What a figure is worth nothing without. */
export function machine(): { cpu: string; cores: number; memoryGB: number; kernel: string; node: string } {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
  };
}
