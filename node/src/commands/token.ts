import { mkdirSync } from 'node:fs';
import { addToken, listTokens, removeToken } from '../access/index.ts';
import { WeirError } from '../contract/index.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { assertMayChange } from './may-change.ts';
import { table } from './table.ts';

export const tokenCommand: Command = {
  name: 'token',
  usage: 'token add NAME | list | remove NAME',
  summary:
    'Access tokens for programs: the HTTP interface, Grafana, commands on other machines. A change takes effect on a running appliance within seconds.',
  options: { data: { type: 'string', value: 'DIR', help: 'the data directory', default: './weir-data' } },
  async run(invocation) {
    const [action, name] = invocation.args;
    const data = text(invocation, 'data') ?? './weir-data';
    if (action === 'list') return list(invocation, data);
    if (!name) throw new WeirError('WEIR_USAGE', 'name the token, as in: weir token add grafana');
    if (action === 'add') return add(invocation, data, name);
    if (action === 'remove') return remove(invocation, data, name);
    throw new WeirError('WEIR_USAGE', `token takes add, list or remove, not ${action}`);
  },
};

async function add(invocation: Invocation, data: string, name: string): Promise<number> {
  mkdirSync(data, { recursive: true, mode: 0o750 });
  assertMayChange(data);
  const token = await addToken(data, name, Date.now());
  if (invocation.json) process.stdout.write(`${JSON.stringify({ name, token })}\n`);
  else process.stdout.write(`${token}\nThe token is shown once and kept nowhere.\n`);
  return EXIT.fine;
}

async function list(invocation: Invocation, data: string): Promise<number> {
  const tokens = (await listTokens(data)).map(({ name, createdAt }) => ({ name, createdAt }));
  if (invocation.json) process.stdout.write(`${JSON.stringify({ tokens })}\n`);
  else {
    const rows = tokens.map(({ name, createdAt }) => [name, new Date(createdAt).toISOString()]);
    process.stdout.write(table(['token', 'made'], rows));
  }
  return EXIT.fine;
}

async function remove(invocation: Invocation, data: string, name: string): Promise<number> {
  assertMayChange(data);
  const removed = await removeToken(data, name);
  if (invocation.json) process.stdout.write(`${JSON.stringify({ name, removed })}\n`);
  else
    process.stdout.write(
      removed
        ? `${name} opens nothing any more; what was logged in with it ends within seconds\n`
        : `there is no token ${name}\n`,
    );
  return removed ? EXIT.fine : EXIT.failed;
}
