import { spawn } from 'node:child_process';
import { copyFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import {
  BEFORE,
  type Board,
  type BoardOptions,
  GatewayThread,
  type ListenAt,
  startBoard,
} from '../board/index.ts';
import { writeWhole } from '../board/write-whole.ts';
import { settleThread } from '../client/settle-thread.ts';
import { WeirError } from '../contract/index.ts';
import { placeOf, selfArgs } from '../shipped/index.ts';
import { type Command, EXIT, hostPort, type Invocation, text } from './command.ts';
import { parsedSite, readSiteText } from './read-site.ts';
import { supervisorOf } from './supervisor.ts';

/** What the front door adds, since this room may not import the gateway or the simulator. */
export interface Parts {
  version: string;
  shardEntry: URL;
  gatewayEntry: URL;
  pages: URL;
  shippedSite: URL;
}

/** What its devices have under way is acknowledged within this time, or sent again by none. */
const DEMO_END_MS = 2_000;
const CHECKPOINT_EVERY_MS = 5 * 60_000;
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

export function upCommand(parts: Parts): Command {
  return {
    name: 'up',
    usage: 'up [SITE] [--data DIR] [--mqtt HOST:PORT] [--http HOST:PORT] [--open] [--demo]',
    summary:
      'Runs the appliance: broker, engine and gateway in one process. Without SITE it is the shipped utility world.',
    options: {
      data: { type: 'string', value: 'DIR', help: 'where everything is kept', default: './weir-data' },
      mqtt: { type: 'string', value: 'HOST:PORT', help: 'MQTT; port 0 picks one', default: '127.0.0.1:1883' },
      mqtts: {
        type: 'string',
        value: 'HOST:PORT',
        help: 'MQTT over TLS, where the site file names a certificate',
        default: '0.0.0.0:8883',
      },
      http: {
        type: 'string',
        value: 'HOST:PORT',
        help: 'pages and HTTP; port 0 picks one',
        default: '127.0.0.1:8080',
      },
      open: { type: 'boolean', help: 'ask for no log-in; loopback only' },
      demo: { type: 'boolean', help: 'also run simulated meters; implies --open' },
      checkpoint: {
        type: 'string',
        value: 'N',
        help: 'readings between two checkpoints: fewer replay sooner and write more (2000000)',
      },
      verbose: { type: 'boolean', help: 'log more' },
    },
    run: (invocation) => up(invocation, parts),
  };
}

async function up(invocation: Invocation, parts: Parts): Promise<number> {
  const mqtt = hostPort(text(invocation, 'mqtt') ?? '', 'mqtt');
  const http = hostPort(text(invocation, 'http') ?? '', 'http');
  const demo = invocation.options.demo === true;
  const open = demo || invocation.options.open === true;
  if (open) for (const { host } of [mqtt, http]) refuseBeyondLoopback(host);
  const logger = pino(
    { level: invocation.options.verbose ? 'debug' : invocation.json ? 'warn' : 'info', base: null },
    pino.destination(2),
  );
  const dataDir = text(invocation, 'data') ?? './weir-data';
  const stop = stopSignal();
  settleThread();
  const own = invocation.args[0] ?? null;
  const at: Addresses = { mqtt, mqtts: null, http };
  const start = () => startWith(own ?? placeOf(parts.shippedSite), own, at, open, logger, invocation, parts);
  let board = await start();
  announce(board, invocation.json, dataDir);
  const supervisor = supervisorOf(process.env, process.pid, (fault) =>
    logger.warn({ fault: fault.message }, 'systemd was not told'),
  );
  supervisor.ready(`pages on ${board.http}, MQTT on ${board.mqtt.host}:${board.mqtt.port}`);
  const endDemo = demo ? startDemo(board) : async () => {};
  for (;;) {
    const why = await Promise.race([stop, board.failed, board.edited.then(() => 'edited' as const)]);
    if (why === 'edited') {
      keepAddresses(at, board);
      await board.close();
      board = await start().catch((fault: unknown) => startAsBefore(own, fault, start, logger));
      logger.info('the site file was edited: the appliance began anew with it');
      continue;
    }
    supervisor.stopping();
    await endDemo();
    await board.close();
    // A supervisor starts it again: it must not take this for an end that somebody asked for.
    if (why instanceof Error) throw why;
    return why === 'SIGINT' ? EXIT.interrupted : EXIT.fine;
  }
}

interface Addresses {
  mqtt: ListenAt;
  /** Null: what the command line says. */
  mqtts: ListenAt | null;
  http: ListenAt;
}

async function startWith(
  sitePath: string,
  own: string | null,
  at: Addresses,
  open: boolean,
  logger: Logger,
  invocation: Invocation,
  parts: Parts,
): Promise<Board> {
  // While the site file is read, the gateway's thread loads what takes longest.
  const thread = new GatewayThread(parts.gatewayEntry);
  let options: Omit<BoardOptions, 'gateway'>;
  try {
    const siteText = readSiteText(sitePath);
    const site = parsedSite(siteText, sitePath);
    const mqtts = at.mqtts ?? (site.mqtt.tls ? hostPort(text(invocation, 'mqtts') ?? '', 'mqtts') : null);
    options = {
      site,
      siteText,
      siteFile: own,
      dataDir: text(invocation, 'data') ?? './weir-data',
      mqtt: at.mqtt,
      mqtts: site.mqtt.tls ? mqtts : null,
      open,
      logger,
      version: parts.version,
      shardEntry: parts.shardEntry,
      ...checkpointOf(invocation),
    };
  } catch (fault) {
    await thread.discard();
    throw fault;
  }
  const { host, port } = at.http;
  return startBoard({ ...options, gateway: { thread, host, port, uiDir: placeOf(parts.pages) } });
}

/** Where port 0 was asked for, the one that was picked stays. */
function keepAddresses(at: Addresses, board: Board): void {
  at.mqtt = { host: at.mqtt.host, port: board.mqtt.port };
  if (board.mqtts !== null) at.mqtts = board.mqtts;
  const port = new URL(board.http).port;
  if (port !== '') at.http = { host: at.http.host, port: Number(port) };
}

/** A site file that is right and cannot be begun with, such as one whose certificate is not there, is taken back. */
async function startAsBefore(
  own: string | null,
  fault: unknown,
  start: () => Promise<Board>,
  logger: Logger,
): Promise<Board> {
  if (own === null) throw fault;
  const why = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
  logger.error(`the edited site file could not be begun with; the one before is used again: ${why}`);
  const file = realpathSync(own);
  copyFileSync(file + BEFORE, file);
  return start();
}

function checkpointOf(invocation: Invocation): { checkpoint?: { readings: number; everyMs: number } } {
  const given = text(invocation, 'checkpoint');
  if (given === undefined) return {};
  const readings = Number(given);
  if (!Number.isSafeInteger(readings) || readings < 1)
    throw new WeirError(
      'WEIR_USAGE',
      `--checkpoint takes a number of readings, not ${JSON.stringify(given)}`,
      {
        field: 'checkpoint',
      },
    );
  return { checkpoint: { readings, everyMs: CHECKPOINT_EVERY_MS } };
}

function refuseBeyondLoopback(host: string): void {
  if (LOOPBACK.test(host)) return;
  throw new WeirError(
    'WEIR_USAGE',
    `--open and --demo ask for no log-in, so they listen on loopback only, not on ${host}`,
    { field: 'open' },
  );
}

function announce(board: Board, json: boolean, dataDir: string): void {
  const ports = { mqtt: `${board.mqtt.host}:${board.mqtt.port}`, http: board.http, pid: process.pid };
  const token = board.firstToken;
  if (json) process.stdout.write(`${JSON.stringify(token === null ? ports : { ...ports, token })}\n`);
  else
    process.stderr.write(
      `Weir is up.\n  dashboard  ${board.http}\n  MQTT       ${ports.mqtt}\n  stop       Ctrl-C\n`,
    );
  if (token === null || json) return;
  if (process.env.JOURNAL_STREAM === undefined)
    process.stderr.write(`  log in with  ${token}\nThis token is shown once and kept nowhere.\n`);
  else
    process.stderr.write(`  log in with the token in ${keepToken(token, dataDir)}; remove that file then\n`);
}

/**
 * A journal is kept and copied about, so under systemd the token goes to a file that only the service's user reads. A board
 * whose plug is pulled right after its first start has it all the same: nobody is told a second time.
 */
function keepToken(token: string, dataDir: string): string {
  const file = join(dataDir, 'first-token');
  writeWhole(file, `${token}\n`, 0o600);
  return file;
}

/** A second signal while draining ends at once: whoever presses Ctrl-C twice means it. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (told) process.exit(EXIT.interrupted);
        told = true;
        resolve(signal);
      });
  });
}

/** The simulator is another process, as real devices are: it must not borrow the broker's thread. */
function startDemo(board: Board): () => Promise<void> {
  const args = ['sim', 'utility', '--mqtt', `${board.mqtt.host}:${board.mqtt.port}`, '--demo'];
  const child = spawn(process.execPath, [...selfArgs(), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let asked = false;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (fault) => {
      process.stderr.write(`The simulator did not start: ${fault.message}\n`);
      resolve();
    });
    child.on('exit', (code) => {
      if (!asked) process.stderr.write(`The simulator ended by itself with status ${code}.\n`);
      resolve();
    });
  });
  return async () => {
    asked = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), DEMO_END_MS);
    await ended;
    clearTimeout(timer);
  };
}
