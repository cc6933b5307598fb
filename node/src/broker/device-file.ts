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

function checkId(id: string): void {
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(id))
    throw new WeirError('WEIR_USAGE', `"${id}" cannot be a device: letters, digits and . _ : - only.`, {
      field: 'id',
    });
}

/** Adds a device, or gives a known one a new password. The password is answered once and kept nowhere. */
export async function addDevice(
  dataDir: string,
  added: NewDevice,
): Promise<{ id: string; password: string | null }> {
  checkId(added.id);
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

/** A device of a list that somebody else keeps, such as the fleet file's. */
export interface ListedDevice {
  id: string;
  publish: string[];
  subscribe: string[];
}

/**
 * Makes the devices of a list known, by client certificate, and gives known ones the topics that the list has. Passwords
 * stay, and so do devices that the list does not have. Answers what was added and what was changed.
 */
export async function applyDevices(
  dataDir: string,
  listed: readonly ListedDevice[],
): Promise<{ added: string[]; changed: string[] }> {
  for (const { id } of listed) checkId(id);
  const known = await readDevices(dataDir);
  const done = changesOf(known, listed);
  // A list that is applied again and again writes nothing.
  if (done.added.length + done.changed.length > 0)
    await changeDevices(dataDir, (devices) => {
      for (const { id, publish, subscribe } of listed) {
        const device = devices.get(id) ?? { id, addedMs: Date.now(), password: null };
        devices.set(id, { ...device, publish, subscribe });
      }
    });
  return done;
}

function changesOf(
  known: ReadonlyMap<string, Device>,
  listed: readonly ListedDevice[],
): { added: string[]; changed: string[] } {
  const topics = ({ publish, subscribe }: ListedDevice) => JSON.stringify([publish, subscribe]);
  const added = listed.filter(({ id }) => !known.has(id));
  const changed = listed.filter((one) => known.has(one.id) && topics(known.get(one.id)!) !== topics(one));
  return { added: added.map(({ id }) => id), changed: changed.map(({ id }) => id) };
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
