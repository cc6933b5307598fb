import { signal } from '@preact/signals';

/** The bucket under the finger, the pointer or the keyboard's cursor. */
export interface Hover {
  time: number;
  /** Pixels from the left of the plot, and the plot's own place and width within the chart. */
  left: number;
  plotLeft: number;
  plotWidth: number;
}

export const hover = signal<Hover | null>(null);
