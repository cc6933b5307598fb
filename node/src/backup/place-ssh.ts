import { createHash } from 'node:crypto';
import { WeirError } from '../contract/index.ts';
import { assertName, assertOnlyBackup, isName, type Place, type PlacedFile, UNFINISHED } from './place.ts';
import { parseSshAddress, type SshAddress } from './ssh/address.ts';
import { type FarAnswer, FarShell } from './ssh/far-shell.ts';

/**
 * A directory of another machine, through the system's ssh and a POSIX shell there. Each piece is written beside, synced,
 * compared by its hash there, and then given its name. What is read is not trusted: every piece is held against its name
 * afterwards, as from anywhere.
 */
export class SshPlace implements Place {
  readonly name: string;
  readonly #address: SshAddress;
  readonly #config: string | null;
  #shell: Promise<FarShell> | null = null;
  /** One request at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  /** `config` is a configuration file of ssh: whose key, which known hosts; null is the user's own. */
  constructor(url: string, config: string | null) {
    this.#address = parseSshAddress(url);
    this.#config = config;
    this.name = url;
  }

  async prepare(): Promise<void> {
    const { lines } = await this.#ask(['prepare'], ['ok']);
    assertOnlyBackup(this.name, lines.filter(Boolean));
  }

  async list(folder: string): Promise<PlacedFile[]> {
    const { lines } = await this.#ask(['list', folder], ['ok', 'absent']);
    const [now, ...rest] = lines;
    const found: PlacedFile[] = [];
    for (const line of rest) {
      const match = /^(\d+) (\d+) (.+)$/.exec(line);
      if (match === null || !isName(match[3])) continue;
      const ageMs = (Number(now) - Number(match[2])) * 1000;
      found.push({ name: match[3], bytes: Number(match[1]), ageMs });
    }
    return found;
  }

  async read(name: string, maxBytes: number): Promise<Buffer | null> {
    assertName(name);
    const expected = ['ok', 'absent', 'large', 'no-file'];
    const { verdict, bytes } = await this.#ask(['read', name, String(maxBytes)], expected, maxBytes);
    if (verdict === 'absent') return null;
    if (verdict === 'ok' && bytes !== null && bytes.length <= maxBytes) return bytes;
    throw new WeirError('WEIR_BACKUP_DAMAGED', `${name} is no file, or larger than ${maxBytes} bytes`);
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    assertName(name);
    const sum = createHash('sha256').update(bytes).digest('hex');
    const words = ['write', name, String(bytes.length), sum];
    const { verdict } = await this.#ask(words, ['ok', 'differs'], 0, bytes);
    if (verdict === 'differs')
      throw new WeirError('WEIR_BACKUP_DAMAGED', `${name} was written and reads back as something else`);
  }

  async remove(name: string): Promise<void> {
    assertName(name);
    await this.#ask(['remove', name], ['ok']);
  }

  async close(): Promise<void> {
    const shell = this.#shell;
    this.#shell = null;
    // One that never came about has told its fault to whoever asked.
    const open = await shell?.catch(() => null);
    await open?.close();
  }

  #ask(words: string[], expected: string[], maxBytes = 0, input?: Uint8Array): Promise<FarAnswer> {
    const answer = this.#tail.then(() => this.#askNow(words, expected, maxBytes, input));
    // A request that fails is its own asker's affair; the next one goes on.
    this.#tail = answer.catch(() => null);
    return answer;
  }

  async #askNow(
    words: string[],
    expected: string[],
    maxBytes: number,
    input?: Uint8Array,
  ): Promise<FarAnswer> {
    const unfinished = `${UNFINISHED}${process.pid}-${Date.now()}`;
    this.#shell ??= FarShell.connect(this.#address, this.#config, unfinished);
    const shell = await this.#shell;
    const answer = await shell.ask(words, maxBytes, input);
    if (expected.includes(answer.verdict)) return answer;
    const why = answer.verdict.replace(/^fail */, '') || 'that machine does not say why';
    throw new WeirError('WEIR_BACKUP_UNAVAILABLE', `${this.name}: ${why}`, {
      suggestion: 'Make room or mend the permissions there, and start again; it goes on where it was.',
    });
  }
}
