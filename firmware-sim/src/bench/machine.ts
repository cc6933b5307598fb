import { cpus, loadavg, release, totalmem } from 'node:os';

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

/** A neighbour takes more from a server of one thread than from one of many, so that even ratios are off. */
export function loadNote(): string | null {
  const [load] = loadavg();
  if (load < cpus().length / 2) return null;
  return `The machine was busy before this began (load ${load.toFixed(1)}): the figures say little.`;
}
