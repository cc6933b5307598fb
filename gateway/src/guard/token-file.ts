import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { TokenCheck } from '../context.ts';

const TokenFileShape = Type.Object({
  version: Type.Literal(1),
  tokens: Type.Array(
    Type.Object({
      name: Type.String(),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      createdAt: Type.Number(),
    }),
    { maxItems: 1_000 },
  ),
});
type TokenFileShape = Static<typeof TokenFileShape>;

/** A revoked token stops working within this time; looking at the file at each request would cost a system call. */
const LOOK_AGAIN_MS = 2_000;

export interface OpenedTokens {
  tokens: TokenCheck;
  /** In clear, once: the token that was made because there was no file. */
  firstToken: string | null;
}

/** Opens `tokens.json` of a data directory, which holds digests only, and makes it with a first token if need be. */
export function openTokenFile(dataDir: string, now: () => number = Date.now): OpenedTokens {
  const path = join(dataDir, 'tokens.json');
  const firstToken = exists(path) ? null : createWithFirst(path, now());
  return { tokens: new TokenFile(path, now), firstToken };
}

class TokenFile implements TokenCheck {
  readonly #path: string;
  readonly #now: () => number;
  #digests: Buffer[];
  #changedAt: number;
  #lookAgainAt: number;

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#digests = read(path);
    this.#changedAt = statSync(path).mtimeMs;
    this.#lookAgainAt = now() + LOOK_AGAIN_MS;
  }

  verify(token: string): boolean {
    this.#lookAgain();
    const digest = createHash('sha256').update(token).digest();
    let isRight = false;
    // Every digest is compared, in constant time each: neither the answer's time nor its order tells anything.
    for (const known of this.#digests) if (timingSafeEqual(known, digest)) isRight = true;
    return isRight;
  }

  #lookAgain(): void {
    if (this.#now() < this.#lookAgainAt) return;
    this.#lookAgainAt = this.#now() + LOOK_AGAIN_MS;
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    if (stat?.mtimeMs === this.#changedAt) return;
    // A file that has gone revokes everything; it is not made anew under a running gateway.
    this.#digests = stat ? read(this.#path) : [];
    this.#changedAt = stat?.mtimeMs ?? 0;
  }
}

function read(path: string): Buffer[] {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Value.Check(TokenFileShape, parsed)) {
    throw new Error(`${path} is not a token file of version 1; move it away to have a new first token made`);
  }
  return parsed.tokens.map((token) => Buffer.from(token.sha256, 'hex'));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function createWithFirst(path: string, now: number): string {
  const token = `weir_${randomBytes(32).toString('base64url')}`;
  const sha256 = createHash('sha256').update(token).digest('hex');
  const content: TokenFileShape = { version: 1, tokens: [{ name: 'first', sha256, createdAt: now }] };
  // Written beside and renamed, so that a power cut leaves either no file or a whole one.
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  return token;
}
