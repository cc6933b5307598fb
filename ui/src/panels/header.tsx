import { loginNeeded } from '../api/ask.ts';
import { clockTime, dayName, minuteTime, zoneName } from '../format/time.ts';
import { Icon } from '../parts/icon.tsx';
import { site } from '../state/board.ts';
import { now } from '../state/clock.ts';
import { isDark, toggleTheme } from '../state/theme.ts';
import { HealthBadge } from './health-badge.tsx';

export function Header() {
  return (
    <header class="top">
      <a class="brand" href="#/">
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <path class="weir" d="M3 9h11v10h15" />
          <path class="water" d="M3 26c3-2.4 5.5-2.4 8.7 0s6 2.4 8.6 0 5.7-2.4 8.7 0" />
        </svg>
        <span class="brand-name">{site.value?.name ?? 'Weir'}</span>
      </a>
      {loginNeeded.value ? null : <HealthBadge />}
      <span class="spring" />
      <Clock />
      <button
        type="button"
        class="icon-button"
        onClick={toggleTheme}
        aria-label={isDark() ? 'Use light colours' : 'Use dark colours'}
        title={isDark() ? 'Use light colours' : 'Use dark colours'}
      >
        <Icon name={isDark() ? 'sun' : 'moon'} />
      </button>
    </header>
  );
}

function Clock() {
  const zone = site.value?.timezone;
  if (!zone) return null;
  return (
    <time class="clock" dateTime={new Date(now.value).toISOString()} title={`Time of the site: ${zone}`}>
      <span class="clock-day">{dayName(now.value, zone)}</span>
      <span class="clock-time">
        {minuteTime(now.value, zone)}
        <span class="clock-seconds">{clockTime(now.value, zone).slice(5)}</span>
      </span>
      <span class="clock-zone">{zoneName(now.value, zone)}</span>
    </time>
  );
}
