import type { SketchKind } from '../kinds.ts';
import { mergePortions } from '../portions.ts';
import { mergeQuantiles } from './quantile-sketch.ts';
import { mergeTops } from './top-sketch.ts';
import { mergeUniques } from './unique-sketch.ts';

const MERGES: Readonly<Record<SketchKind, (one: Uint8Array, other: Uint8Array) => Uint8Array | null>> = {
  quantiles: mergeQuantiles,
  uniques: mergeUniques,
  tops: mergeTops,
  portions: mergePortions,
};

/** Two sketches of one kind into one, associatively and commutatively to the byte; null is an empty one. */
export function mergeSketch(
  kind: SketchKind,
  one: Uint8Array | null,
  other: Uint8Array | null,
): Uint8Array | null {
  if (one === null) return other;
  return other === null ? one : MERGES[kind](one, other);
}
