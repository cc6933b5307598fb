/** Times as the site's clock on the wall shows them, whichever zone the browser is in. */

const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale, { ...options, hourCycle: 'h23' });
    formats.set(key, found);
  }
  return found;
}

const inZone = (zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  formatFor('en-GB', { ...options, timeZone: zone });

const MINUTE: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
const SECOND: Intl.DateTimeFormatOptions = { ...MINUTE, second: '2-digit' };
const DAY: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };

export const clockTime = (ms: number, zone: string): string => inZone(zone, SECOND).format(ms);
export const minuteTime = (ms: number, zone: string): string => inZone(zone, MINUTE).format(ms);
export const dayName = (ms: number, zone: string): string =>
  inZone(zone, { ...DAY, weekday: 'short' }).format(ms);
export const shortDay = (ms: number, zone: string): string => inZone(zone, DAY).format(ms);
export const monthName = (ms: number, zone: string): string =>
  inZone(zone, { month: 'short', year: 'numeric' }).format(ms);

/** Such as `CET`, `EST` or `GMT+5:45`. */
export function zoneName(ms: number, zone: string): string {
  // Each kind of English knows the names of its own zones, and says GMT and an offset of the others.
  const names = ['en-GB', 'en-US', 'en-AU', 'en-IN'].map((locale) => nameIn(locale, ms, zone));
  return names.find((name) => !name.startsWith('GMT')) ?? names[0];
}

function nameIn(locale: string, ms: number, zone: string): string {
  const options: Intl.DateTimeFormatOptions = { timeZone: zone, timeZoneName: 'short' };
  const parts = formatFor(locale, options).formatToParts(ms);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

export const moment = (ms: number, zone: string): string => `${dayName(ms, zone)} ${minuteTime(ms, zone)}`;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A bucket by its two ends: `Fri 20 Nov 14:05–14:06`. */
export function bucketName(startMs: number, stepMs: number, zone: string): string {
  if (stepMs >= DAY_MS) {
    // Half a day less than the end lies within the last local day, be it of 23 or 25 hours.
    const last = startMs + stepMs - DAY_MS / 2;
    const from = dayName(startMs, zone);
    return dayName(last, zone) === from ? from : `${from} – ${dayName(last, zone)}`;
  }
  const clock = stepMs < MINUTE_MS ? clockTime : minuteTime;
  return `${dayName(startMs, zone)} ${clock(startMs, zone)}–${clock(startMs + stepMs, zone)}`;
}

/** `minute`, `3 minutes`, `2 hours`. */
export function stepName(stepMs: number): string {
  const units: [number, string][] = [
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [MINUTE_MS, 'minute'],
    [1_000, 'second'],
  ];
  const [ms, name] = units.find(([unit]) => stepMs % unit === 0) ?? [1, 'millisecond'];
  const count = stepMs / ms;
  return count === 1 ? name : `${count} ${name}s`;
}

export function agoName(ms: number): string {
  if (ms < 90_000) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  if (ms < 90 * MINUTE_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 36 * HOUR_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return `${Math.round(ms / DAY_MS)} d`;
}
