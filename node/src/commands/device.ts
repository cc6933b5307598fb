import { mkdirSync, readFileSync } from 'node:fs';
import { addDevice, applyDevices, type ListedDevice, listDevices, revokeDevice } from '../broker/index.ts';
import { WeirError } from '../contract/index.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { assertMayChange } from './may-change.ts';
import { table } from './table.ts';

export const deviceCommand: Command = {
  name: 'device',
  usage: 'device add ID | apply FILE | list | revoke ID',
  summary:
    'Devices that may log in to the broker. A change takes effect on a running appliance within seconds. FILE is a list in JSON, of objects with id, publish and subscribe; its devices show a client certificate.',
  options: {
    data: { type: 'string', value: 'DIR', help: 'the data directory', default: './weir-data' },
    publish: {
      type: 'string',
      value: 'FILTERS',
      help: 'topics it may publish to, comma-separated (meters/ID/#)',
    },
    subscribe: {
      type: 'string',
      value: 'FILTERS',
      help: 'topics it may subscribe to, comma-separated (none)',
    },
    'no-password': { type: 'boolean', help: 'it logs in with a client certificate only' },
  },
  async run(invocation) {
    const [action, id] = invocation.args;
    const data = text(invocation, 'data') ?? './weir-data';
    if (action === 'list') return list(invocation, data);
    if (!id) throw new WeirError('WEIR_USAGE', 'name the device, as in: weir device add meter-7');
    if (action === 'apply') return apply(invocation, data, id);
    if (action === 'add') return add(invocation, data, id);
    if (action === 'revoke') return revoke(invocation, data, id);
    throw new WeirError('WEIR_USAGE', `device takes add, apply, list or revoke, not ${action}`);
  },
};

function filters(invocation: Invocation, name: string): string[] | undefined {
  return text(invocation, name)?.split(',').filter(Boolean);
}

async function add(invocation: Invocation, data: string, id: string): Promise<number> {
  const publish = filters(invocation, 'publish');
  const subscribe = filters(invocation, 'subscribe');
  mkdirSync(data, { recursive: true, mode: 0o750 });
  assertMayChange(data);
  const added = await addDevice(data, {
    id,
    ...(publish ? { publish } : {}),
    ...(subscribe ? { subscribe } : {}),
    ...(invocation.options['no-password'] === true ? { password: null } : {}),
  });
  if (invocation.json) process.stdout.write(`${JSON.stringify(added)}\n`);
  else if (added.password === null)
    process.stdout.write(`${id} may log in with a client certificate in its name\n`);
  else
    process.stdout.write(
      `client id and user  ${id}\npassword            ${added.password}\nThe password is shown once and kept nowhere.\n`,
    );
  return EXIT.fine;
}

async function apply(invocation: Invocation, data: string, file: string): Promise<number> {
  const listed = listIn(file);
  mkdirSync(data, { recursive: true, mode: 0o750 });
  assertMayChange(data);
  const done = await applyDevices(data, listed);
  const { added, changed } = done;
  process.stdout.write(
    invocation.json
      ? `${JSON.stringify(done)}\n`
      : `${added.length} devices are new, ${changed.length} have other topics, ${listed.length - added.length - changed.length} are as they were\n`,
  );
  return EXIT.fine;
}

function listIn(file: string): ListedDevice[] {
  let listed: unknown;
  try {
    listed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new WeirError('WEIR_USAGE', `${file} cannot be read as JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  const isText = (value: unknown): value is string => typeof value === 'string';
  const isDevice = (one: Partial<ListedDevice> | null): one is ListedDevice =>
    isText(one?.id) &&
    [one.publish, one.subscribe].every((filters) => Array.isArray(filters) && filters.every(isText));
  if (!Array.isArray(listed) || !listed.every(isDevice))
    throw new WeirError('WEIR_USAGE', `${file} is no list of devices with id, publish and subscribe.`, {
      suggestion: 'As in: [{"id": "m1", "publish": ["meters/m1/#"], "subscribe": []}]',
    });
  return listed;
}

async function list(invocation: Invocation, data: string): Promise<number> {
  const devices = await listDevices(data);
  if (invocation.json) process.stdout.write(`${JSON.stringify({ devices })}\n`);
  else {
    const rows = devices.map((one) => [
      one.id,
      new Date(one.addedMs).toISOString(),
      one.publish.join(' '),
      one.subscribe.join(' '),
    ]);
    process.stdout.write(table(['device', 'added', 'publishes', 'subscribes'], rows));
  }
  return EXIT.fine;
}

async function revoke(invocation: Invocation, data: string, id: string): Promise<number> {
  assertMayChange(data);
  const known = await revokeDevice(data, id);
  if (invocation.json) process.stdout.write(`${JSON.stringify({ id, revoked: known })}\n`);
  else
    process.stdout.write(
      known ? `${id} is revoked; it is disconnected within seconds\n` : `there is no device ${id}\n`,
    );
  return known ? EXIT.fine : EXIT.failed;
}
