/** Every bound of the HTTP surface, in one place. A bound names what it prevents. */
const LIMITS = {
  /** Slowloris: a request whose headers trickle in holds a socket no longer than this. */
  headersMs: 10_000,
  /** The same for the body. */
  requestMs: 20_000,
  /** How often both are looked at. */
  checkingMs: 2_000,
  /** A socket on which nothing moves, in either direction: a reader that stopped, or a client that vanished. */
  idleMs: 60_000,
  keepAliveMs: 30_000,
  connections: 1_000,
  /** So that one source cannot take all of them; a wall of pages behind one router still fits. */
  connectionsPerSource: 400,
  headerBytes: 16 * 1024,
  /** The spine takes no body but a token. */
  bodyBytes: 64 * 1024,
  /** Questions that run at once, and that wait for their turn; the next is told to come again. */
  questionsRunning: 16,
  questionsWaiting: 64,
  /** Whoever asks for longer is told to ask for less. */
  questionMs: 15_000,
  viewers: 256,
  /** Bytes that wait in this process for a viewer that does not read; past it the viewer is dropped. */
  viewerBytes: 256 * 1024,
  heartbeatMs: 10_000,
  /** What a browser waits before it opens the live stream again. */
  retryMs: 2_000,
  /** Requests a minute and source: ten panels that refresh each second use a twentieth. */
  requestsPerMinute: 12_000,
  /** Wrong tokens a minute and source. */
  wrongTokensPerMinute: 10,
  sessions: 1_000,
  sessionMs: 30 * 86_400_000,
} as const;

export type HttpLimits = { readonly [name in keyof typeof LIMITS]: number };

export const HTTP_LIMITS: HttpLimits = Object.freeze(LIMITS);
