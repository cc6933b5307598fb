import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { WeirError } from '../../contract/index.ts';
import type { SshAddress } from './address.ts';
import { FAR_SCRIPT, READY } from './far-script.ts';
import { faultOf } from './faults.ts';
import { LineReader } from './line-reader.ts';

/** What the other machine answered. */
export interface FarAnswer {
  /** `ok`, or what it is instead. */
  verdict: string;
  lines: string[];
  bytes: Buffer | null;
}

/**
 * Nobody sits at this command: it asks for no password and takes no host whose key is not known already. Nothing of this
 * machine, such as an agent, is lent to the other one. What a configuration file says of these is overruled.
 */
const STRICT = [
  ...['BatchMode=yes', 'StrictHostKeyChecking=yes', 'UpdateHostKeys=no'],
  ...['PasswordAuthentication=no', 'KbdInteractiveAuthentication=no'],
  ...['ForwardAgent=no', 'ForwardX11=no', 'ClearAllForwardings=yes', 'PermitLocalCommand=no'],
  ...['RemoteCommand=none', 'RequestTTY=no', 'LogLevel=ERROR', 'ControlMaster=no', 'ControlPath=none'],
  ...['ConnectTimeout=20', 'ServerAliveInterval=15', 'ServerAliveCountMax=4'],
].flatMap((option) => ['-o', option]);

const SAID_BYTES = 4 * 1024;
const MAX_LINES = 4_000_000;
const CLOSE_MS = 10_000;

/** One connection of the system's own ssh, with the loop of `far-script.ts` at its other end. One request at a time. */
export class FarShell {
  readonly #address: SshAddress;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #reader: LineReader;
  readonly #ended: Promise<number | null>;
  #said = '';

  static async connect(address: SshAddress, config: string | null, unfinished: string): Promise<FarShell> {
    const { port, user, host, dir } = address;
    const words = [
      ...STRICT,
      ...(config === null ? [] : ['-F', config]),
      ...(port === null ? [] : ['-p', String(port)]),
      ...(user === null ? [] : ['-l', user]),
      ...['--', host, ['sh', '-c', FAR_SCRIPT, 'weir', dir, unfinished].map(quoted).join(' ')],
    ];
    const shell = new FarShell(address, spawn('ssh', words));
    try {
      await shell.#greeted();
      return shell;
    } catch (fault) {
      shell.#child.kill();
      throw fault;
    }
  }

  private constructor(address: SshAddress, child: ChildProcessWithoutNullStreams) {
    this.#address = address;
    this.#child = child;
    this.#reader = new LineReader(child.stdout);
    child.stderr.on('data', (chunk: Buffer) => {
      if (this.#said.length < SAID_BYTES) this.#said += chunk.toString();
    });
    // What is not taken shows as an answer that does not come.
    child.stdin.on('error', () => this.#reader.end());
    this.#ended = new Promise((resolve) => {
      child.on('close', resolve);
      child.on('error', (fault: NodeJS.ErrnoException) => {
        this.#said = fault.code === 'ENOENT' ? MISSING : fault.message;
        this.#reader.end();
        resolve(null);
      });
    });
  }

  /** More than `maxBytes` of a piece, or more lines than any backup has, are taken for a line that broke. */
  async ask(words: string[], maxBytes: number, input?: Uint8Array): Promise<FarAnswer> {
    this.#child.stdin.write(`${words.join(' ')}\n`);
    if (input) this.#child.stdin.write(input);
    const lines: string[] = [];
    let bytes: Buffer | null = null;
    for (;;) {
      const line = await this.#reader.line();
      const count = /^# (\d{1,9})$/.exec(line ?? '')?.[1];
      if (line === null || lines.length > MAX_LINES || Number(count ?? 0) > maxBytes)
        throw await this.#broken();
      if (line.startsWith('= ')) lines.push(line.slice(2));
      else if (count !== undefined) bytes = await this.#reader.bytes(Number(count));
      else return { verdict: line, lines, bytes };
    }
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill(), CLOSE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** What a log-in script prints before the greeting does not matter. */
  async #greeted(): Promise<void> {
    for (;;) {
      const line = await this.#reader.line();
      if (line === null) throw await this.#broken('the account runs no commands');
      if (!line.startsWith(`${READY} `)) continue;
      const [, take, form, hash] = line.split(' ');
      if (take && form && hash) return;
      throw this.#unfit('it lacks one of sha256sum, stat, and a head or dd that reads exactly so many bytes');
    }
  }

  async #broken(otherwise?: string): Promise<WeirError> {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    const status = await this.#ended;
    if (this.#said === MISSING)
      return new WeirError('WEIR_TOOL_MISSING', 'ssh is not installed', {
        suggestion: 'On Debian: apt-get install openssh-client',
      });
    const said = plain(this.#said);
    // 255 is ssh's own: the connection, not a command, has failed.
    if (otherwise === undefined || status === 255 || status === null) return faultOf(this.#address, said);
    return this.#unfit(said === '' ? otherwise : `${otherwise} (${said})`);
  }

  #unfit(why: string): WeirError {
    return new WeirError('WEIR_BACKUP_UNAVAILABLE', `nothing can be kept at ${this.#address.url}: ${why}`, {
      suggestion: 'The account needs a POSIX shell and the usual commands; one for sftp alone will not do.',
    });
  }
}

const MISSING = 'ENOENT';

/** One line without control characters: it comes from another machine and goes to a terminal. */
const plain = (said: string): string =>
  said
    .trim()
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(-500);

/** Words in single quotes mean the same to whatever shell the account has. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
