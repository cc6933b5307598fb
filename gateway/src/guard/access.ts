import { createHash, createHmac, randomBytes } from 'node:crypto';
import { WeirError } from '@weir/node/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TokenCheck, UserCheck } from '../context.ts';
import type { HttpLimits } from '../limits.ts';

const COOKIE = 'weir_session';
const MINUTE_MS = 60_000;
/** Sources whose wrong tokens are remembered; past it the oldest is forgotten. */
const MAX_SOURCES = 10_000;
const MAX_KNOWN = 100;

/** Kept in memory alone. Each request asks again, so a revoked token and a removed user end their sessions. */
type Proof = { token: string } | { user: string; stamp: string };

interface Session {
  proof: Proof;
  endsAt: number;
}

/** What somebody logs in with. */
export type LogInWith = { token: string } | { user: string; password: string };

type Bounds = Pick<HttpLimits, 'sessions' | 'sessionMs' | 'wrongTokensPerMinute'>;

/** Who may ask: the bearer of a token, or a browser that has logged in with one, or as a user. */
export class Access {
  readonly #tokens: TokenCheck | null;
  readonly #users: UserCheck | null;
  /** Passwords that were right are known again by a keyed hash, which dies with the process. */
  readonly #processKey = randomBytes(32);
  readonly #bounds: Bounds;
  readonly #now: () => number;
  readonly #sessions = new Map<string, Session>();
  readonly #wrong = new Map<string, { count: number; until: number }>();
  readonly #known = new Set<string>();

  constructor(tokens: TokenCheck | null, users: UserCheck | null, bounds: Bounds, now: () => number) {
    this.#tokens = tokens;
    this.#users = users;
    this.#bounds = bounds;
    this.#now = now;
  }

  /** Throws unless the request carries a right token or a live session. */
  check(request: FastifyRequest): void {
    const bearer = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) {
      if (this.#verify(bearer, request.ip)) return;
      throw loginNeeded('The token is not right.');
    }
    const session = this.#session(request);
    if (session && this.#holds(session.proof)) return;
    throw loginNeeded('Log in first.');
  }

  /** Answers the cookie of a new session; its name is never one that the client brought (session fixation). */
  async logIn(request: FastifyRequest, given: LogInWith, secure: boolean): Promise<string> {
    const proof =
      'token' in given ? this.#byToken(given.token, request.ip) : await this.#byPassword(given, request.ip);
    const id = randomBytes(32).toString('base64url');
    this.#sessions.set(digest(id), { proof, endsAt: this.#now() + this.#bounds.sessionMs });
    forgetOldest(this.#sessions, this.#bounds.sessions);
    return cookie(id, Math.floor(this.#bounds.sessionMs / 1000), secure);
  }

  logOut(request: FastifyRequest, secure: boolean): string {
    this.#sessions.delete(digest(cookieOf(request) ?? ''));
    return cookie('', 0, secure);
  }

  #session(request: FastifyRequest): Session | null {
    const id = cookieOf(request);
    if (id === null) return null;
    const key = digest(id);
    const session = this.#sessions.get(key);
    if (!session) return null;
    if (session.endsAt > this.#now()) return session;
    this.#sessions.delete(key);
    return null;
  }

  #holds(proof: Proof): boolean {
    if ('token' in proof) return this.#tokens?.verify(proof.token) ?? false;
    return this.#users?.stamp(proof.user) === proof.stamp;
  }

  #byToken(token: string, source: string): Proof {
    if (!this.#verify(token, source)) throw loginNeeded('The token is not right.');
    return { token };
  }

  async #byPassword({ user, password }: { user: string; password: string }, source: string): Promise<Proof> {
    const key = createHmac('sha256', this.#processKey).update(`${user}\0${password}`).digest('base64');
    this.#refuseGuessing(source, key);
    const stamp = (await this.#users?.verify(user, password)) ?? null;
    if (stamp === null) {
      this.#countWrong(source);
      throw loginNeeded('The name or the password is not right.');
    }
    this.#remember(key);
    return { user, stamp };
  }

  #verify(token: string, source: string): boolean {
    const key = digest(token);
    this.#refuseGuessing(source, key);
    if (this.#tokens?.verify(token)) {
      this.#remember(key);
      return true;
    }
    this.#countWrong(source);
    return false;
  }

  // A source that guesses is slowed, yet what was right before passes: nobody is locked out by a neighbour.
  #refuseGuessing(source: string, key: string): void {
    const wrong = this.#wrong.get(source);
    const isSlowed =
      wrong !== undefined && wrong.until > this.#now() && wrong.count >= this.#bounds.wrongTokensPerMinute;
    if (!isSlowed || this.#known.has(key)) return;
    throw new WeirError('WEIR_BUSY', 'Too many wrong tokens or passwords from this address.', {
      field: 'token',
      suggestion: 'Try again in a minute.',
    });
  }

  #remember(key: string): void {
    this.#known.add(key);
    forgetOldest(this.#known, MAX_KNOWN);
  }

  #countWrong(source: string): void {
    const wrong = this.#wrong.get(source);
    if (wrong && wrong.until > this.#now()) {
      wrong.count++;
      return;
    }
    this.#wrong.delete(source);
    this.#wrong.set(source, { count: 1, until: this.#now() + MINUTE_MS });
    forgetOldest(this.#wrong, MAX_SOURCES);
  }
}

export function setSessionCookie(reply: FastifyReply, value: string): void {
  reply.header('set-cookie', value).header('cache-control', 'no-store');
}

function loginNeeded(message: string): WeirError {
  return new WeirError('WEIR_LOGIN_NEEDED', message, {
    suggestion:
      'Send Authorization: Bearer TOKEN, or POST a token, or a user and a password, to /api/v1/login.',
  });
}

function cookie(id: string, maxAgeS: number, secure: boolean): string {
  return `${COOKIE}=${id}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

function cookieOf(request: FastifyRequest): string | null {
  const match = /(?:^|;\s*)weir_session=([\w-]{43})(?:;|$)/.exec(request.headers.cookie ?? '');
  return match ? match[1] : null;
}

// The map is keyed by a digest, so that looking up takes a time that tells nothing about the secret.
function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}

function forgetOldest(all: Map<string, unknown> | Set<string>, most: number): void {
  if (all.size <= most) return;
  const oldest = all.keys().next().value;
  if (oldest !== undefined) all.delete(oldest);
}
