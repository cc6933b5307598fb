import { randomBytes, scrypt } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { changeFile, readIfThere } from '../access/index.ts';
import { WeirError } from '../contract/index.ts';

/** A device that may log in. Its client id is its id. */
export interface Device {
  id: string;
  /** Filters of MQTT; `{id}` was filled in when the device was added. */
  publish: string[];
  subscribe: string[];
  addedMs: number;
  /** Null: by client certificate only. */
  password: PasswordHash | null;
}

export interface PasswordHash {
  salt: string;
  hash: string;
  /** Cost of scrypt; see `addDevice`. */
  cost: number;
}

export interface NewDevice {
  id: string;
  /** Absent: one is made up, of 160 random bits. Null: the device shows a certificate. */
  password?: string | null;
  publish?: string[];
  subscribe?: string[];
}

const FILE = 'devices.json';
/** About 50 ms: a person's password can be guessed, so each guess must cost. */
const CHOSEN_COST = 2 ** 15;
/** About 2 ms: nobody guesses 160 random bits, and after a restart 2,000 devices log in within seconds. */
const RANDOM_COST = 2 ** 10;
const HASH_BYTES = 32;

const scryptAsync = promisify<string | Uint8Array, string, number, object, Buffer>(scrypt);

export async function hashPassword(
  password: string | Uint8Array,
  salt: string,
  cost: number,
): Promise<Buffer> {
  return scryptAsync(password, salt, HASH_BYTES, { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 });
}

export function devicesPath(dataDir: string): string {
  return join(dataDir, FILE);
}

/** The file as it is; none is the same as an empty one. */
export async function readDevices(dataDir: string): Promise<Map<string, Device>> {
  return parseDevices(await readIfThere(devicesPath(dataDir)));
}

function parseDevices(text: string | null): Map<string, Device> {
  if (text === null) return new Map();
  const { devices } = JSON.parse(text) as { devices: Device[] };
  return new Map(devices.map((device) => [device.id, device]));
}

export async function listDevices(dataDir: string): Promise<Omit<Device, 'password'>[]> {
  return [...(await readDevices(dataDir)).values()].map(({ password: _password, ...shown }) => shown);
}

/** Adds a device, or gives a known one a new password. The password is answered once and kept nowhere. */
export async function addDevice(
  dataDir: string,
  added: NewDevice,
): Promise<{ id: string; password: string | null }> {
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(added.id))
    throw new WeirError('WEIR_USAGE', `"${added.id}" cannot be a device: letters, digits and . _ : - only.`, {
      field: 'id',
    });
  const chosen = added.password !== undefined;
  const password = chosen ? (added.password ?? null) : randomBytes(20).toString('base64url');
  const cost = chosen ? CHOSEN_COST : RANDOM_COST;
  const salt = randomBytes(16).toString('base64url');
  const device: Device = {
    id: added.id,
    publish: added.publish ?? [`meters/${added.id}/#`],
    subscribe: added.subscribe ?? [],
    addedMs: Date.now(),
    password:
      password === null
        ? null
        : { salt, cost, hash: (await hashPassword(password, salt, cost)).toString('base64url') },
  };
  await changeDevices(dataDir, (devices) => devices.set(device.id, device));
  return { id: device.id, password };
}

/** False when there was no such device. Its connections are closed within seconds by the broker that has the file. */
export async function revokeDevice(dataDir: string, id: string): Promise<boolean> {
  let known = false;
  await changeDevices(dataDir, (devices) => {
    known = devices.delete(id);
  });
  return known;
}

async function changeDevices(dataDir: string, change: (devices: Map<string, Device>) => void): Promise<void> {
  await changeFile(devicesPath(dataDir), (before) => {
    const devices = parseDevices(before);
    change(devices);
    return `${JSON.stringify({ version: 1, devices: [...devices.values()] }, null, 2)}\n`;
  });
}
