/** What a benchmark is given: bounds, a place for files, someone to tell. */
export interface Bench {
  signal: AbortSignal;
  /** Progress, for a person. */
  say(text: string): void;
  runs: number;
  /** Share of the usual work: a smaller one is for trying the harness, not for figures. */
  scale: number;
  /** Names of the servers to measure; null for all. */
  only: string[] | null;
  /** A new empty directory that is removed at the end. */
  directory(): string;
}

/** Measured values by name; the name ends in the unit. */
export type Figures = Record<string, number>;

export interface Ratio {
  what: string;
  /** Null when one of the two was not measured. */
  value: number | null;
  budget: string;
  met: boolean | null;
}

export interface Outcome {
  /** By server, one a run. */
  runs: Record<string, Figures[]>;
  medians: Record<string, Figures>;
  ratios: Ratio[];
  /** What a reader has to know: servers that are missing or failed, and why. */
  notes: string[];
  /** Servers that did not do their work. */
  failed: string[];
}

export interface BenchDefinition {
  name: string;
  summary: string;
  run(bench: Bench): Promise<Outcome>;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Medians of each figure by itself. */
export function mediansOf(runs: Figures[]): Figures {
  const medians: Figures = {};
  for (const name of Object.keys(runs[0] ?? {})) medians[name] = median(runs.map((run) => run[name]));
  return medians;
}

/** A budget that a figure of Weir, or its ratio to a peer's, has to keep. */
export function ratio(
  what: string,
  value: number | undefined,
  against: number | undefined,
  budget: { atLeast?: number; atMost?: number },
): Ratio {
  const quotient = value === undefined || against === undefined ? Number.NaN : value / against;
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = budget;
  const known = Number.isFinite(quotient);
  return {
    what,
    value: known ? quotient : null,
    budget: budget.atLeast === undefined ? `≤ ${short(atMost)}` : `≥ ${short(atLeast)}`,
    met: known ? quotient >= atLeast && quotient <= atMost : null,
  };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
