/** Every bound of the appliance, in one place. A bound names what it prevents. */
export const LIMITS = Object.freeze({
  /** Virtual shards: one board holds all, five share them. Changing it moves chunks by key, offline. */
  shards: 24,
  /** An event further ahead of the board's clock is a wrong clock, and is quarantined. */
  futureMs: 5 * 60_000,
  /** A board that does not know the time takes the devices' word for it up to here (2045), and no further. */
  unsyncedLatestMs: Date.UTC(2045, 0, 1),
  /** Scaled integers stay exact in a double, with room for one addition. */
  scaledMax: 2 ** 52,
  payloadBytes: 256 * 1024,
  /** Readings in one pack. */
  packReadings: 10_000,
  jsonDepth: 16,
  keyBytes: 128,
  /** A meter is not changed every day: more swaps of one are not taken. */
  swapsOfMeter: 256,
  textBytes: 256,
  quarantinePayloadBytes: 1024,
  /** A record of the log before compression; a group that would grow past it is cut. */
  recordBytes: 1024 * 1024,
  recordReadings: 32_768,
  /**
   * A checkpoint is due when a thread's keys and what came since the last one take so much memory together: a million
   * and a half readings of ten thousand meters. A checkpoint of few readings costs each of them more.
   */
  shardThreadBytes: 64 * 1024 * 1024,
  /** What came may take so much, however many keys there are: 200,000 readings of a million meters. */
  checkpointBytes: 20 * 1024 * 1024,
  /**
   * While a thread reads the log again, what came may take so much: two and a half million readings of a million meters,
   * which one that was killed held too. It serves before it moves them to its stores.
   */
  catchUpBytes: 128 * 1024 * 1024,
  /** What came takes no more: records wait until a checkpoint has moved some of it. */
  changedBytes: 192 * 1024 * 1024,
  /** Or after so many readings: a restart replays them. */
  checkpointReadings: 2_000_000,
  checkpointMs: 5 * 60_000,
  topicLevels: 16,
  /** Buckets times measures that one answer may hold. */
  answerCells: 2_000_000,
  answerSeries: 1_000,
  eventsLimit: 10_000,
});
