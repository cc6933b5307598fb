import { once } from 'node:events';
import { connect } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';

/**
 * Sends packets that were right until a few of their bytes were changed. `node test/mqtt/mutate.ts [PACKETS] [SEED]
 * [PORT]` runs the long form, against a broker of its own or the one at PORT.
 */
export interface MutationReport {
  sent: number;
  connections: number;
  bytes: number;
}

type Random = () => number;

/** Mulberry32: small, seeded, the same everywhere. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)];

const TOPICS = [
  'meters/m1/electricity',
  'meters/m2/electricity',
  'chat/room',
  'a/b/c/d',
  'x',
  'ü/ä',
] as const;
const FILTERS = ['#', '+/+', 'meters/+/electricity', 'chat/#', 'a/b', '$share/g/x'] as const;

function packetOf(random: Random): Packet {
  const messageId = 1 + Math.floor(random() * 50);
  const kind = random();
  if (kind < 0.5) {
    const qos = pick(random, [0, 1, 2] as const);
    const payload =
      random() < 0.7
        ? `{"ts":${1.7e12 + Math.floor(random() * 1e9)},"kwh":${random()}}`
        : 'x'.repeat(random() * 300);
    const retain = random() < 0.1;
    return {
      cmd: 'publish',
      topic: pick(random, TOPICS),
      payload,
      qos,
      dup: qos > 0 && random() < 0.2,
      retain,
      messageId,
    };
  }
  if (kind < 0.65)
    return {
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic: pick(random, FILTERS), qos: pick(random, [0, 1, 2]) }],
    };
  if (kind < 0.7) return { cmd: 'unsubscribe', messageId, unsubscriptions: [pick(random, FILTERS)] };
  if (kind < 0.9) return { cmd: pick(random, ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const), messageId };
  return kind < 0.97 ? { cmd: 'pingreq' } : { cmd: 'disconnect' };
}

function connectOf(random: Random): Packet {
  const will =
    random() < 0.2
      ? { topic: pick(random, TOPICS), payload: Buffer.from('gone'), qos: 1 as const, retain: false }
      : undefined;
  const clientId = `mutant${Math.floor(random() * 20)}`;
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: random() < 0.7,
    keepalive: 5,
    clientId,
    will,
  };
}

/** Changes, drops, doubles or inserts up to four bytes. */
function mutate(random: Random, bytes: Buffer): Buffer {
  let mutant = Buffer.from(bytes);
  for (let change = Math.ceil(random() * 4); change > 0 && mutant.length > 0; change--) {
    const at = Math.floor(random() * mutant.length);
    const kind = random();
    if (kind < 0.6)
      mutant[at] = random() < 0.5 ? Math.floor(random() * 256) : mutant[at] ^ (1 << Math.floor(random() * 8));
    else if (kind < 0.75) mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + 1)]);
    else if (kind < 0.9)
      mutant = Buffer.concat([
        mutant.subarray(0, at),
        Buffer.of(Math.floor(random() * 256)),
        mutant.subarray(at),
      ]);
    else mutant = mutant.subarray(0, at);
  }
  return mutant;
}

/** One connection: a CONNECT that is mostly right, then packets until the broker has had enough. */
async function connection(
  random: Random,
  port: number,
  packets: number,
  report: MutationReport,
): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  const closed = once(socket, 'close');
  await Promise.race([once(socket, 'connect'), closed]).catch(() => undefined);
  const parts: Buffer[] = [];
  const first = mqttPacket.generate(connectOf(random));
  parts.push(random() < 0.1 ? mutate(random, first) : first);
  for (let i = 0; i < packets; i++) {
    const right = mqttPacket.generate(packetOf(random));
    parts.push(random() < 0.1 ? mutate(random, right) : right);
  }
  const bytes = Buffer.concat(parts);
  report.sent += packets + 1;
  report.bytes += bytes.length;
  report.connections++;
  // In pieces, so that packets are cut anywhere.
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const length = 1 + Math.floor(random() * (random() < 0.5 ? 7 : 2000));
    socket.write(bytes.subarray(at, at + length));
    at += length;
    if (random() < 0.05) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  const late = setTimeout(() => socket.destroy(), 200);
  await closed.catch(() => undefined);
  clearTimeout(late);
}

export async function mutatePackets(port: number, packets: number, seed: number): Promise<MutationReport> {
  const report = { sent: 0, connections: 0, bytes: 0 };
  const lanes = Array.from({ length: 16 }, async (_, lane) => {
    const random = randomOf(seed + lane * 7919);
    while (report.sent < packets) await connection(random, port, 1 + Math.floor(random() * 60), report);
  });
  await Promise.all(lanes);
  return report;
}

if (import.meta.filename === process.argv[1]) {
  const [packets, seed, port] = [
    Number(process.argv[2] ?? 1e6),
    Number(process.argv[3] ?? 1),
    process.argv[4],
  ];
  const { startForMutation } = await import('./mutation-target.ts');
  const target =
    port === undefined ? await startForMutation() : { port: Number(port), close: async () => ({}) };
  const report = await mutatePackets(target.port, packets, seed);
  console.log(JSON.stringify({ seed, ...report, ...(await target.close()) }));
}
