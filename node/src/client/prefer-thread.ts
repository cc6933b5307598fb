import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const EAGER = 5;

/**
 * Lets the kernel run the calling thread before others of the process that want the processor too: people wait for what
 * it does, and it is little. Measured on two cores at 150,000 readings a second: half of all pages came in 6.0 ms
 * instead of 7.8, 99 of 100 in 21 instead of 35. Needs leave to do so, as root or by LimitNICE= of the unit.
 */
export function preferThisThread(): void {
  if (process.platform !== 'linux') return;
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  try {
    setPriority(thread, getPriority(thread) - EAGER);
  } catch (fault) {
    if (!refused(fault)) throw fault;
  }
}

/** Without leave the kernel's own order is as good as any; nothing is lost but some milliseconds. */
function refused(fault: unknown): boolean {
  const code = (fault as { info?: { code?: string } }).info?.code;
  return code === 'EACCES' || code === 'EPERM';
}
