/** `2026-11-20T14:05` as the clock of a zone shows it, to and from an instant. */

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(ms: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
}

export const toLocalInput = (ms: number, zone: string): string =>
  new Date(wallClock(ms, zone)).toISOString().slice(0, 16);

/** An hour that the clock skips becomes the one after it; of an hour that comes twice, the first. */
export function fromLocalInput(text: string, zone: string): number | null {
  const wall = Date.parse(`${text}Z`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) || Number.isNaN(wall)) return null;
  const offsets = [wall - 86_400_000, wall + 86_400_000].map((ms) => wallClock(ms, zone) - ms);
  const fits = offsets.map((offset) => wall - offset).filter((ms) => wallClock(ms, zone) === wall);
  return fits.length > 0 ? Math.min(...fits) : wall - Math.min(...offsets);
}
