import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import {
  addToken,
  digestOfToken,
  hashOf,
  type KeptUser,
  parseTokens,
  parseUsers,
  tokensPath,
  usersPath,
} from '@weir/node/access';
import { WeirError } from '@weir/node/contract';
import type { TokenCheck, UserCheck } from '../context.ts';

/** What was revoked stops working within this time; looking at a file at each request would cost a system call. */
const LOOK_AGAIN_MS = 2_000;
/** Hashed when there is no such user, so that the absence does not show in the time that an answer takes. */
const NOBODY = { salt: 'nobody-nobody-nobody', cost: 2 ** 15 } as const;
/** Log-ins that wait for their turn: each takes 32 MB and half a second of a board. */
const LOG_INS_WAITING = 16;

export interface OpenedAccess {
  tokens: TokenCheck;
  users: UserCheck;
  /** In clear, once: the token that was made because there was no file. */
  firstToken: string | null;
}

/** Opens `tokens.json` and `users.json` of a data directory; where nobody could log in a first token is made. */
export async function openAccessFiles(dataDir: string, now: () => number = Date.now): Promise<OpenedAccess> {
  const isClaimed = textIn(tokensPath(dataDir)) !== null || textIn(usersPath(dataDir)) !== null;
  const firstToken = isClaimed ? null : await addToken(dataDir, 'first', now());
  return { tokens: new Tokens(dataDir, now), users: new Users(dataDir, now), firstToken };
}

/** A file that is read again when it has changed. One that has gone revokes everything; it is not made anew. */
class Watched<T> {
  readonly #path: string;
  readonly #parse: (path: string, text: string | null) => T;
  readonly #now: () => number;
  #value: T;
  #changedAt: number;
  #lookAgainAt: number;

  constructor(path: string, parse: (path: string, text: string | null) => T, now: () => number) {
    this.#path = path;
    this.#parse = parse;
    this.#now = now;
    this.#changedAt = changedAt(path);
    this.#value = parse(path, textIn(path));
    this.#lookAgainAt = now() + LOOK_AGAIN_MS;
  }

  get value(): T {
    return this.#now() < this.#lookAgainAt ? this.#value : this.fresh();
  }

  /** As it is now: what does not fit may have been added a moment ago. Guesses are slowed, so this is rare. */
  fresh(): T {
    this.#lookAgainAt = this.#now() + LOOK_AGAIN_MS;
    const changed = changedAt(this.#path);
    if (changed !== this.#changedAt) {
      this.#value = this.#parse(this.#path, textIn(this.#path));
      this.#changedAt = changed;
    }
    return this.#value;
  }
}

class Tokens implements TokenCheck {
  readonly #digests: Watched<Buffer[]>;

  constructor(dataDir: string, now: () => number) {
    const parse = (path: string, text: string | null) =>
      parseTokens(path, text).map(({ sha256 }) => Buffer.from(sha256, 'hex'));
    this.#digests = new Watched(tokensPath(dataDir), parse, now);
  }

  verify(token: string): boolean {
    const digest = digestOfToken(token);
    return isAmong(this.#digests.value, digest) || isAmong(this.#digests.fresh(), digest);
  }
}

/** Every digest is compared, in constant time each: neither the answer's time nor its order tells anything. */
function isAmong(digests: Buffer[], digest: Buffer): boolean {
  let isRight = false;
  for (const known of digests) if (timingSafeEqual(known, digest)) isRight = true;
  return isRight;
}

/** Passwords are hashed one at a time: eight at once would keep the threads busy that the log's fsync needs [61]. */
class Users implements UserCheck {
  readonly #users: Watched<Map<string, KeptUser>>;
  readonly #processKey = randomBytes(32);
  #hashing: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(dataDir: string, now: () => number) {
    const parse = (path: string, text: string | null) =>
      new Map(parseUsers(path, text).map((user) => [user.name, user]));
    this.#users = new Watched(usersPath(dataDir), parse, now);
  }

  stamp(name: string): string | null {
    const user = this.#users.value.get(name);
    if (user === undefined) return null;
    return createHmac('sha256', this.#processKey).update(user.hash).digest('base64');
  }

  async verify(name: string, password: string): Promise<string | null> {
    if (this.#waiting >= LOG_INS_WAITING)
      throw new WeirError('WEIR_BUSY', 'Too many people log in at once.', {
        suggestion: 'Try again in a moment.',
      });
    this.#waiting++;
    const turn = this.#hashing.then(() => this.#compare(name, password));
    // Whoever asked is told; the next one has its turn all the same.
    this.#hashing = turn.catch(() => null);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async #compare(name: string, password: string): Promise<string | null> {
    const user = this.#users.fresh().get(name);
    const hash = await hashOf(password, user ?? NOBODY);
    if (user === undefined || !timingSafeEqual(hash, Buffer.from(user.hash, 'base64url'))) return null;
    return this.stamp(name);
  }
}

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function textIn(path: string): string | null {
  return statSync(path, { throwIfNoEntry: false }) ? readFileSync(path, 'utf8') : null;
}
