import { type Command, meant, type Runner } from '@weir/node/contract';
import { addBoardCommand, addDeviceCommand } from './add.ts';
import { listCommand, renewCommand, revokeCommand } from './certificates.ts';
import { initCommand } from './init.ts';
import { backupCommand, checkFleetCommand, inventoryCommand, qrCommand, restoreCommand } from './keep.ts';

const ACTIONS: Record<string, Command> = {
  init: initCommand,
  check: checkFleetCommand,
  'add-board': addBoardCommand,
  'add-device': addDeviceCommand,
  list: listCommand,
  renew: renewCommand,
  revoke: revokeCommand,
  qr: qrCommand,
  inventory: inventoryCommand,
  backup: backupCommand,
  restore: restoreCommand,
};

/** `weir provision ACTION …`: each action is a command of its own. */
export async function provisionCommand([action, ...argv]: string[], run: Runner): Promise<number> {
  if (action !== undefined && Object.hasOwn(ACTIONS, action)) return run(ACTIONS[action], argv);
  const asked = action === undefined || action === '--help' || action === '-h';
  if (asked) process.stdout.write(help());
  else
    process.stderr.write(`weir provision: ${action} is no action; ${meant(action, Object.keys(ACTIONS))}\n`);
  return asked && action !== undefined ? 0 : 2;
}

function help(): string {
  const lines = Object.entries(ACTIONS).map(([name, { summary }]) => `  ${name.padEnd(10)}  ${summary}`);
  return `weir provision ACTION [--help]\n\nKeys, certificates and the list of boards and devices of a site.\n\n${lines.join('\n')}\n`;
}
