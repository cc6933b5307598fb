/** Gives the event loop a turn: records and questions that wait are taken before this goes on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
