import { mkdirSync, readFileSync } from 'node:fs';
import { addUser, listUsers, removeUser } from '../access/index.ts';
import { WeirError } from '../contract/index.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { assertMayChange } from './may-change.ts';
import { table } from './table.ts';

export const userCommand: Command = {
  name: 'user',
  usage: 'user add NAME [--password-file FILE] | list | remove NAME',
  summary:
    'People who log in to the pages. To add one that is there gives a new password and ends what was logged in. A change takes effect on a running appliance within seconds.',
  options: {
    data: { type: 'string', value: 'DIR', help: 'the data directory', default: './weir-data' },
    'password-file': {
      type: 'string',
      value: 'FILE',
      help: 'its first line is the password; without it one is made up and shown once',
    },
  },
  async run(invocation) {
    const [action, name] = invocation.args;
    const data = text(invocation, 'data') ?? './weir-data';
    if (action === 'list') return list(invocation, data);
    if (!name) throw new WeirError('WEIR_USAGE', 'name the user, as in: weir user add anna');
    if (action === 'add') return add(invocation, data, name);
    if (action === 'remove') return remove(invocation, data, name);
    throw new WeirError('WEIR_USAGE', `user takes add, list or remove, not ${action}`);
  },
};

async function add(invocation: Invocation, data: string, name: string): Promise<number> {
  const chosen = chosenPassword(invocation);
  mkdirSync(data, { recursive: true, mode: 0o750 });
  assertMayChange(data);
  const { password, isNew } = await addUser(data, name, chosen, Date.now());
  const shown = chosen === null ? { password } : {};
  if (invocation.json) process.stdout.write(`${JSON.stringify({ name, isNew, ...shown })}\n`);
  else if (chosen !== null) process.stdout.write(`${name} ${isNew ? 'was added' : 'has a new password'}\n`);
  else
    process.stdout.write(
      `user      ${name}\npassword  ${password}\nThe password is shown once and kept nowhere.\n`,
    );
  return EXIT.fine;
}

function chosenPassword(invocation: Invocation): string | null {
  const file = text(invocation, 'password-file');
  if (file === undefined) return null;
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0];
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WeirError('WEIR_USAGE', `cannot read the password: ${code}`, { cause, field: 'password-file' });
  }
}

async function list(invocation: Invocation, data: string): Promise<number> {
  const users = (await listUsers(data)).map(({ name, createdAt }) => ({ name, createdAt }));
  if (invocation.json) process.stdout.write(`${JSON.stringify({ users })}\n`);
  else {
    const rows = users.map(({ name, createdAt }) => [name, new Date(createdAt).toISOString()]);
    process.stdout.write(table(['user', 'password since'], rows));
  }
  return EXIT.fine;
}

async function remove(invocation: Invocation, data: string, name: string): Promise<number> {
  assertMayChange(data);
  const removed = await removeUser(data, name);
  if (invocation.json) process.stdout.write(`${JSON.stringify({ name, removed })}\n`);
  else
    process.stdout.write(removed ? `${name} is logged out within seconds\n` : `there is no user ${name}\n`);
  return removed ? EXIT.fine : EXIT.failed;
}
