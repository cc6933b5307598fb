/** Colours and sizes for the canvas, read from the style sheet, which is the one place that has them. */
export interface Palette {
  ink: string;
  muted: string;
  grid: string;
  surface: string;
  lines: string[];
  font: string;
  /** Pixels of a rem, by which a wall screen scales. */
  rem: number;
}

const LINES = 8;

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const rem = Number.parseFloat(style.fontSize);
  return {
    ink: color('--ink'),
    muted: color('--muted'),
    grid: color('--grid'),
    surface: color('--surface'),
    lines: Array.from({ length: LINES }, (_, i) => color(`--line-${i + 1}`)),
    font: `${Math.round(rem * 0.75)}px ${color('--font')}`,
    rem,
  };
}
