import { statSync } from 'node:fs';
import { assertOwner } from '../board/data-dir.ts';

/** A file that root made anew could not be read by the appliance's own user any more. */
export function assertMayChange(data: string): void {
  const stat = statSync(data, { throwIfNoEntry: false });
  if (stat) assertOwner(data, process.getuid?.() ?? 0, stat.uid);
}
