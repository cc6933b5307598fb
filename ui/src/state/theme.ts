import { effect, signal } from '@preact/signals';

export type ThemeChoice = 'auto' | 'light' | 'dark';

const STORED = 'weir.theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

const systemIsDark = signal(prefersDark.matches);
export const themeChoice = signal<ThemeChoice>(storedChoice());

prefersDark.addEventListener('change', (event) => {
  systemIsDark.value = event.matches;
});

export const isDark = (): boolean =>
  themeChoice.value === 'auto' ? systemIsDark.value : themeChoice.value === 'dark';

export function toggleTheme(): void {
  const wanted: ThemeChoice = isDark() ? 'light' : 'dark';
  // Back to what the system says is back to following it.
  themeChoice.value = (wanted === 'dark') === systemIsDark.value ? 'auto' : wanted;
  store(themeChoice.value);
}

effect(() => {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
});

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === 'light' || stored === 'dark' ? stored : 'auto';
  } catch {
    // A browser that keeps nothing for pages follows the system.
    return 'auto';
  }
}

function store(choice: ThemeChoice): void {
  try {
    localStorage.setItem(STORED, choice);
  } catch {
    // The choice holds until the page is closed.
  }
}
