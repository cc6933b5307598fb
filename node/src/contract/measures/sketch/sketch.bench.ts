import { DDSketch } from '@datadog/sketches-js';
import { binOf, QUANTILE_ERROR, QuantileSketch, quantileOf } from './quantile-sketch.ts';
import { hashNumber, hashText } from './stable-hash.ts';
import { drawOf, TOP_ERROR, TopSketch, topOf } from './top-sketch.ts';
import { UNIQUE_ERROR, UniqueSketch, uniquesOf } from './unique-sketch.ts';

/**
 * Run by node itself: `node sketch.bench.ts [values]`. Adds so many values, 10 million when not told, to each sketch; prints
 * processor time, that of another implementation in the same run, and the errors against exact answers. Ends with
 * status 1 where an error is out of its stated bound.
 */
const COUNT = Number(process.argv[2] ?? 10_000_000);
let failures = 0;

function cpuMs(): number {
  return process.threadCpuUsage().user / 1000;
}

/** From 10 to 12 million, evenly by their logarithm: the same on every machine. */
function sampleValues(): Float64Array {
  const values = new Float64Array(COUNT);
  let state = 7;
  for (let at = 0; at < COUNT; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[at] = Math.floor(Math.exp((state / 2 ** 32) * 14) * 10);
  }
  return values;
}

function report(name: string, text: string, within: boolean): void {
  if (!within) failures++;
  console.log(`${name.padEnd(12)} ${text}${within ? '' : '  OUT OF BOUND'}`);
}

function rate(ms: number): string {
  return `${(COUNT / ms / 1000).toFixed(1)} M adds/s`;
}

function benchQuantiles(values: Float64Array): void {
  const ours = new QuantileSketch({ bytes: 0 });
  let begun = cpuMs();
  for (let at = 0; at < COUNT; at++) ours.add(binOf(values[at]));
  const took = cpuMs() - begun;
  const peer = new DDSketch({ relativeAccuracy: QUANTILE_ERROR });
  begun = cpuMs();
  for (let at = 0; at < COUNT; at++) peer.accept(values[at]);
  const peerTook = cpuMs() - begun;
  report(
    'quantiles',
    `${rate(took)}, ${(peerTook / took).toFixed(1)} × @datadog/sketches-js (${rate(peerTook)})`,
    true,
  );
  const bytes = ours.encode();
  values.sort();
  for (const q of [0.01, 0.5, 0.9, 0.95, 0.99, 0.999]) {
    const exact = values[Math.floor(q * (COUNT - 1))];
    const error = Math.abs(quantileOf(bytes, q) - exact) / exact;
    report(`  ${q}`, `${(error * 100).toFixed(3)} % of ${QUANTILE_ERROR * 100} %`, error <= QUANTILE_ERROR);
  }
}

function benchUniques(): void {
  const sketch = new UniqueSketch({ bytes: 0 });
  const begun = cpuMs();
  for (let at = 0; at < COUNT; at++) sketch.add(hashNumber(at));
  const took = cpuMs() - begun;
  const error = Math.abs(uniquesOf(sketch.encode()) / COUNT - 1);
  const text = `${rate(took)}, off by ${(error * 100).toFixed(2)} %, standard error ${(UNIQUE_ERROR * 100).toFixed(2)} %`;
  report('distinct', text, error < 3 * UNIQUE_ERROR);
}

/** Of a hundred thousand texts the n-th comes in proportion to 1/n, as words do. */
function benchTops(): void {
  const texts = Array.from({ length: 100_000 }, (_, at) => `text ${at}`);
  const hashes = texts.map(hashText);
  const exact = new Float64Array(texts.length);
  const sketch = new TopSketch({ bytes: 0 });
  let state = 3;
  const begun = cpuMs();
  for (let at = 0; at < COUNT; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const text = Math.floor(texts.length ** (state / 2 ** 32)) - 1;
    exact[text]++;
    sketch.add(texts[text], hashes[text], drawOf(1, at, hashes[text]));
  }
  const took = cpuMs() - begun;
  const found = topOf(sketch.encode(), 10);
  const right = found.filter(({ value }, at) => value === texts[at]).length;
  const worst = Math.max(...found.map(({ value, count }) => count - exact[texts.indexOf(value)])) / COUNT;
  const text = `${rate(took)}, ${right} of 10 in place, counts too high by ${(worst * 100).toFixed(3)} % of all at the most`;
  report('top', text, right === 10 && worst >= 0 && worst <= TOP_ERROR);
}

benchQuantiles(sampleValues());
benchUniques();
benchTops();
process.exitCode = failures > 0 ? 1 : 0;
