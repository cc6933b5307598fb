import { resolve } from 'node:path';
import { formatFaults, type Invocation, type Option, WeirError } from '@weir/node/contract';
import { boardKinds } from '../boards/boards.ts';
import type { Fleet } from '../fleet/model.ts';
import { parseFleet } from '../fleet/parse.ts';
import { SiteFolder } from '../pki/site-folder.ts';
import { text } from './shape.ts';

/** What the actions on a site share: its folder, and the fleet file in it. */

export const DIR: Record<string, Option> = {
  dir: { type: 'string', value: 'DIR', help: 'the folder of the site', default: './weir-site' },
};

export function folderOf(invocation: Invocation): SiteFolder {
  return new SiteFolder(resolve(text(invocation, 'dir') ?? './weir-site'));
}

export function readFleet(folder: SiteFolder): Fleet {
  return fleetFrom(folder.readFleet(), folder.fleet);
}

/** The fleet of that text, or every fault of it at once. */
export function fleetFrom(content: string, file: string): Fleet {
  const { fleet, faults } = parseFleet(content, file, boardKinds());
  if (fleet) return fleet;
  throw new WeirError(
    'WEIR_FLEET_INVALID',
    `the fleet file has ${faults.length} fault${faults.length === 1 ? '' : 's'}\n${formatFaults(faults)}`,
  );
}

export function named(invocation: Invocation, what: string): string {
  const [name, more] = invocation.args;
  if (name === undefined || more !== undefined)
    throw new WeirError('WEIR_USAGE', `name one ${what}`, { field: 'name' });
  return name;
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
