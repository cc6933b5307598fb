import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { type Invocation, WeirError } from '@weir/node/contract';
import { readNamed, text } from './shape.ts';

/** Asks on the terminal; null where there is none. What is typed is shown unless it is secret. */
export async function askTerminal(question: string, secret = false): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const lines = createInterface({
    input: process.stdin,
    output: secret ? silent : process.stderr,
    terminal: true,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new WeirError('WEIR_USAGE', 'nothing was typed')));
    });
  } finally {
    lines.close();
    if (secret) process.stderr.write('\n');
  }
}

/** A passphrase out of a file that only its owner can read, or from the terminal; never out of the command line. */
export async function passphrase(invocation: Invocation, repeat: boolean): Promise<string> {
  const file = text(invocation, 'passphrase-file');
  if (file !== undefined) {
    const content = readNamed(file).toString('utf8');
    if ((statSync(file).mode & 0o077) !== 0)
      throw new WeirError('WEIR_KEYS_EXPOSED', `${file} may be read by others.`, {
        suggestion: `chmod 600 ${file}.`,
      });
    return content.replace(/\r?\n$/, '');
  }
  const first = await askTerminal('passphrase: ', true);
  if (first === null)
    throw new WeirError('WEIR_USAGE', 'there is no terminal to ask for the passphrase.', {
      suggestion: 'Name a file with --passphrase-file.',
    });
  if (repeat && (await askTerminal('once more: ', true)) !== first)
    throw new WeirError('WEIR_USAGE', 'the two passphrases differ; nothing was written');
  return first;
}
