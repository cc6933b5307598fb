/** Rows that are taken through the engine together: few enough that what they touch stays in the cache. */
export const BLOCK_ROWS = 1024;

/** The readings of a block that count, in columns, with what came before each in its key's chains. */
export class Block {
  n = 0;
  readonly rows = new Uint32Array(BLOCK_ROWS);
  readonly keys = new Uint32Array(BLOCK_ROWS);
  readonly tuples = new Uint32Array(BLOCK_ROWS);
  readonly times = new Float64Array(BLOCK_ROWS);
  /**
   * By counter: the value (NaN where it is no part of the chain), the reading before it (NaN where there is none), and
   * what flowed since.
   */
  readonly values: Float64Array[];
  readonly beforeT: Float64Array[];
  readonly beforeV: Float64Array[];
  readonly amounts: Float64Array[];
  /** By counter: whether `amounts` are filled; else each is the difference of the values. */
  readonly judged: boolean[];
  /** By counter: readings whose interval is long or began the register again, and how often it did. */
  readonly marked: { reading: number; resets: number }[][];
  readonly contents = new Uint32Array(BLOCK_ROWS);
  readonly ids = new Uint32Array(BLOCK_ROWS);
  /** Room for one rollup at a time. */
  readonly buckets = new Uint32Array(BLOCK_ROWS);
  readonly offsets = new Uint32Array(BLOCK_ROWS);
  readonly groups = new Uint32Array(BLOCK_ROWS);
  readonly slots = new Uint32Array(BLOCK_ROWS);
  readonly field = new Float64Array(BLOCK_ROWS);
  /** By counter: what of the interval ends in the reading's own bucket. */
  readonly shares: Float64Array[];

  constructor(counters: number) {
    const columns = () => Array.from({ length: counters }, () => new Float64Array(BLOCK_ROWS));
    this.values = columns();
    this.beforeT = columns();
    this.beforeV = columns();
    this.amounts = columns();
    this.judged = new Array(counters).fill(false);
    this.shares = columns();
    this.marked = Array.from({ length: counters }, () => []);
  }

  clear(): void {
    this.n = 0;
    for (let c = 0; c < this.judged.length; c++) {
      this.judged[c] = false;
      this.marked[c].length = 0;
    }
  }

  /** What flowed up to the reading that comes next. */
  judge(c: number, amount: number): void {
    if (!this.judged[c]) {
      this.judged[c] = true;
      for (let i = 0; i < this.n; i++) this.amounts[c][i] = this.values[c][i] - this.beforeV[c][i];
    }
    this.amounts[c][this.n] = amount;
  }
}

const shared: Block[] = [];

/**
 * The block of a thread for streams with so many counters. Its engines take turns, and what one puts in is taken out before
 * the next begins, so one is enough: with one for each shard and stream an idle board held 6 MB of them.
 */
export function blockFor(counters: number): Block {
  shared[counters] ??= new Block(counters);
  return shared[counters];
}
