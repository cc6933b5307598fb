/** Bounds of the front door. Each names what it prevents; the numbers in brackets are rows of the list of faults. */
export const BROKER_LIMITS = Object.freeze({
  /** A socket that has not sent a whole CONNECT by then is closed: silent ones [38] and trickled ones [39]. */
  connectMs: 4_000,
  /** Log-ins wait for the password hash; past this the client is better off trying again [53]. */
  loginMs: 20_000,
  /** Before CONNECT nobody is known, so nobody may make the board remember more than this [37]. */
  connectBytes: 16 * 1024,
  /** A payload at its bound, the longest topic and the packet's own bytes. */
  packetBytes: 256 * 1024 + 4 * 1024,
  /** Topics longer than this are nobody's; they are kept in caches, retained lists and sessions. */
  topicBytes: 1024,
  clientIdBytes: 128,
  connections: 10_000,
  /** Sockets of one address that have not logged in; a board behind a proxy still lets 2,000 devices in [53]. */
  strangersPerSource: 2_500,
  /** Frames of a socket that wait for the log; past them the socket is not read [43]. */
  heldBytes: 64 * 1024,
  /** What a client has not read; past it live messages are withheld from it, so nobody waits for it [42]. */
  unreadBytes: 256 * 1024,
  /** A client that reads nothing for this long while messages wait is closed [42]. */
  frozenMs: 20_000,
  /** Every filter is matched against the retained messages: 2,000 over 50,000 of them took 17 s [44]. */
  filtersPerSubscribe: 64,
  filtersPerClient: 256,
  /** Retained messages that are matched in one turn of the event loop [44]. */
  retainedPerTurn: 2_000,
  retainedCount: 50_000,
  retainedBytes: 32 * 1024 * 1024,
  retainedMessageBytes: 64 * 1024,
  /** What waits for a client that is away [46]. */
  queueCount: 1_000,
  queueBytes: 1024 * 1024,
  queueMs: 24 * 3_600_000,
  /** All queues together, so that many absent clients cannot do what one may not. */
  queuesBytes: 64 * 1024 * 1024,
  /** A session whose client does not come back is forgotten, the longest absent one first past the count. */
  sessionMs: 7 * 24 * 3_600_000,
  sessions: 10_000,
  /** Handshakes of QoS 2 that a client has begun and not finished [49]. */
  halfOpen: 256,
  /** Wrong passwords of one source before its log-ins wait, and how long they wait at the most [54]. */
  failuresFree: 5,
  failureWaitMs: 30_000,
  failureMemoryMs: 10 * 60_000,
  /** Sources and waiting log-ins that are remembered. */
  failureSources: 4_096,
  loginsWaiting: 4_096,
  delayedPerSource: 4,
  /** A ping that was not answered shows a cut cable to the kernel: clients without keepalive leave too. */
  tcpKeepAliveMs: 60_000,
  /** Log lines of one kind in a second; the rest are counted and told in one line [41]. */
  logLinesPerSecond: 5,
});

/** What closing waits for: readings that are under way to the disk. */
export const DRAIN_MS = 5_000;
