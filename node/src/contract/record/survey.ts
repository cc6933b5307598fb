/** What one pass over a column of numbers tells about the forms that it could take. Reused from column to column. */
export interface Survey {
  /** All are integers of at most 2^52 and none is -0, so nothing is lost as an integer. */
  whole: boolean;
  min: number;
  /** Bits of `max - min`. */
  width: number;
  /** Steps from one value to the next are exact, too. */
  stepsExact: boolean;
  minStep: number;
  stepWidth: number;
  /** Stretches of equal values. */
  runs: number;
  /** Bytes of the steps that are not nought, as varints. */
  runBytes: number;
  /** Bytes that steps as varints are expected to compress to: noughts cost only their rarity. */
  stepBytes: number;
  /** 0 when there are more than 256. */
  distinct: number;
  values: Float64Array;
  /** What an entropy coder would make of the entries of the dictionary. */
  entropyBytes: number;
  numberOf(value: number): number;
}

const MOST_DISTINCT = 256;
const SLOTS = 1024;
const MOST = 2 ** 52;

/** Distinct values and how often each comes, while they are few. */
class Distinct {
  readonly values = new Float64Array(MOST_DISTINCT);
  readonly counts = new Uint32Array(MOST_DISTINCT);
  size = 0;
  readonly #slots = new Uint16Array(SLOTS);

  restart(): void {
    this.size = 0;
    this.#slots.fill(0);
  }

  /** 1 + the number, or 0 for one value too many. HOT */
  add(value: number): number {
    const slot = this.#find(value);
    let entry = this.#slots[slot];
    if (entry === 0) {
      if (this.size === MOST_DISTINCT) return 0;
      entry = ++this.size;
      this.#slots[slot] = entry;
      this.values[entry - 1] = value;
      this.counts[entry - 1] = 0;
    }
    this.counts[entry - 1]++;
    return entry;
  }

  numberOf(value: number): number {
    return this.#slots[this.#find(value)] - 1;
  }

  entropyBytes(count: number): number {
    let bits = 0;
    for (let entry = 0; entry < this.size; entry++) {
      bits += this.counts[entry] * Math.log2(count / this.counts[entry]);
    }
    return bits / 8;
  }

  #find(value: number): number {
    let slot = (Math.imul(value | 0, 0x9e3779b1) ^ Math.imul((value / 4294967296) | 0, 0x85ebca6b)) >>> 22;
    while (this.#slots[slot] !== 0 && this.values[this.#slots[slot] - 1] !== value) slot = (slot + 1) % SLOTS;
    return slot;
  }
}

const distinct = new Distinct();
const survey: Survey = {
  whole: true,
  min: 0,
  width: 0,
  stepsExact: true,
  minStep: 0,
  stepWidth: 0,
  runs: 0,
  runBytes: 0,
  stepBytes: 0,
  distinct: 0,
  values: distinct.values,
  entropyBytes: 0,
  numberOf: (value) => distinct.numberOf(value),
};

/** The answer holds until the next call. HOT */
export function surveyNumbers(values: Float64Array, count: number): Survey {
  let min = count > 0 ? values[0] : 0;
  let max = min;
  let minStep = Number.POSITIVE_INFINITY;
  let maxStep = Number.NEGATIVE_INFINITY;
  let runs = count > 0 ? 1 : 0;
  let stepBytes = 0;
  let whole = true;
  let few = true;
  distinct.restart();
  for (let row = 0; row < count; row++) {
    const value = values[row];
    if (!(value >= -MOST && value <= MOST) || Math.floor(value) !== value || (value === 0 && 1 / value < 0)) {
      whole = false;
      break;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    if (few && distinct.add(value) === 0) few = false;
    if (row === 0) continue;
    const step = value - values[row - 1];
    if (step < minStep) minStep = step;
    if (step > maxStep) maxStep = step;
    if (step === 0) continue;
    runs++;
    stepBytes += step < 64 && step >= -64 ? 1 : step < 8192 && step >= -8192 ? 2 : varintBytes(step);
  }
  survey.whole = whole;
  survey.min = min;
  survey.width = bitsOf(max - min);
  survey.stepsExact = count < 2 || (minStep >= -MOST && maxStep <= MOST);
  survey.minStep = count < 2 ? 0 : minStep;
  survey.stepWidth = count < 2 ? 0 : bitsOf(maxStep - minStep);
  survey.runs = runs;
  survey.runBytes = stepBytes;
  survey.stepBytes = stepBytes + rarityBytes(runs, count);
  survey.distinct = few && whole ? distinct.size : 0;
  survey.entropyBytes = few && whole ? distinct.entropyBytes(count) : 0;
  return survey;
}

function varintBytes(step: number): number {
  return Math.ceil((bitsOf(Math.abs(step)) + 1) / 7);
}

/** What it takes to tell which of the rows are one of `marked`. */
function rarityBytes(marked: number, count: number): number {
  if (marked === 0 || marked >= count) return 0;
  const share = marked / count;
  return (-count * (share * Math.log2(share) + (1 - share) * Math.log2(1 - share))) / 8;
}

/** Of a whole number up to 2^53; a logarithm would be off by one near powers of two. */
export function bitsOf(value: number): number {
  const high = Math.floor(value / 0x100000000);
  return high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(value);
}
