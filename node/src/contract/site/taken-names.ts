/** Names that answers use for themselves, with what they stand for there. */
const TAKEN: Record<string, string> = {
  seq: 'it is the place in the log',
  time: 'it is the event time in answers',
};

/** Why nothing may have the name, because plain objects have it already, or null. */
export function whyReserved(name: string): string | null {
  return name in Object.prototype ? 'it is a word of every program that reads answers' : null;
}

/** Why a field or key cannot have the name, or null. */
export function whyTaken(name: string): string | null {
  return whyReserved(name) ?? (Object.hasOwn(TAKEN, name) ? TAKEN[name] : null);
}
