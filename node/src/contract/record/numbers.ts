import { type ByteReader, unpackBits } from './byte-reader.ts';
import { type ByteWriter, packBits } from './byte-writer.ts';
import { type Line, lineThrough, onLine } from './line.ts';
import { bitsOf, type Survey, surveyNumbers } from './survey.ts';

/**
 * A column of numbers in the smallest of several forms. Two outputs: `body` is compressed afterwards, `packed` is not,
 * since packed bits look random and would only dilute the statistics of the rest.
 */
export interface Outputs {
  body: ByteWriter;
  packed: ByteWriter;
}

export interface Inputs {
  body: ByteReader;
  packed: ByteReader;
}

/** What is not a column of integers; nothing that the builder makes. */
const FLOATS = 0;
/** Each value with how often it comes in a row: constants, times of packs. */
const RUNS = 1;
/** Distance from the least, in as few bits as the greatest needs: registers, consumption. */
const PACKED = 2;
/** The same of the steps: numbers that count up. */
const PACKED_STEPS = 3;
/** Steps as varints, which compress well when most are alike: times of single readings, neighbouring keys. */
const VARINT_STEPS = 4;
/** At most 256 values: entries as bytes where some come more often than others, else in few bits. */
const DICTIONARY_BYTES = 5;
const DICTIONARY_PACKED = 6;
/** A line through an earlier column and what it misses, in another form. */
const LINE = 7;
/** Added to the form when rows without a value are marked first. */
const SPARSE = 16;

let scratch = new Float64Array(4096);
let dense = new Float64Array(4096);

function scratchOf(count: number): Float64Array {
  if (scratch.length < count) scratch = new Float64Array(count * 2);
  return scratch;
}

/**
 * NaN marks a row without a value. A column may follow from one of the `earlier` ones, such as power from consumption
 * or the end of an interval from its time; the reader is given the same ones.
 */
export function writeNumbers(
  out: Outputs,
  values: Float64Array,
  count: number,
  earlier: readonly Float64Array[] = [],
): void {
  let present = 0;
  for (let row = 0; row < count; row++) if (!Number.isNaN(values[row])) present++;
  if (present === count) {
    const line = lineThrough(values, count, earlier);
    if (line === null) writeDense(out, values, count);
    else writeLine(out, values, count, line, earlier[line.column]);
    return;
  }
  const marks = scratchOf(count);
  if (dense.length < count) dense = new Float64Array(count * 2);
  for (let row = 0, next = 0; row < count; row++) {
    marks[row] = Number.isNaN(values[row]) ? 0 : 1;
    if (marks[row] === 1) dense[next++] = values[row];
  }
  out.body.byte(SPARSE);
  // Marks never hold NaN, so this goes one deep.
  writeNumbers(out, marks.slice(0, count), count);
  writeDense(out, dense.slice(0, present), present);
}

function writeDense(out: Outputs, values: Float64Array, count: number): void {
  const survey = surveyNumbers(values, count);
  const form = formOf(survey, count);
  out.body.byte(form);
  if (form === FLOATS) for (let row = 0; row < count; row++) out.body.float(values[row]);
  else if (form === RUNS) writeRuns(out.body, values, count);
  else if (form === PACKED) writePacked(out, values, count, survey);
  else if (form === PACKED_STEPS) writePackedSteps(out, values, count, survey);
  else if (form === VARINT_STEPS) writeVarintSteps(out.body, values, count);
  else writeDictionary(out, values, count, survey, form);
}

/** Bytes that each form is expected to take after compression; the least wins. */
function formOf(survey: Survey, count: number): number {
  if (!survey.whole) return FLOATS;
  let form = PACKED;
  let least = (count * survey.width) / 8;
  const consider = (candidate: number, bytes: number) => {
    if (bytes >= least) return;
    form = candidate;
    least = bytes;
  };
  if (survey.stepsExact) {
    consider(RUNS, survey.runBytes + survey.runs * 1.2 + 4);
    consider(PACKED_STEPS, (count * survey.stepWidth) / 8 + 2);
    consider(VARINT_STEPS, survey.stepBytes + 8);
  }
  if (survey.distinct > 0) {
    const values = survey.distinct * 2;
    consider(DICTIONARY_PACKED, (count * bitsOf(survey.distinct - 1)) / 8 + values);
    consider(DICTIONARY_BYTES, survey.entropyBytes * 1.06 + values + 24);
  }
  return form;
}

function writeRuns(body: ByteWriter, values: Float64Array, count: number): void {
  let last = 0;
  for (let row = 0; row < count; ) {
    const value = values[row];
    const from = row;
    while (row < count && values[row] === value) row++;
    body.signed(value - last);
    body.varint(row - from);
    last = value;
  }
}

function writeLine(out: Outputs, values: Float64Array, count: number, line: Line, from: Float64Array): void {
  const { body } = out;
  const rest = new Float64Array(count);
  for (let row = 0; row < count; row++) rest[row] = values[row] - onLine(line, from[row]);
  body.byte(LINE);
  body.varint(line.column);
  body.float(line.slope);
  body.float(line.at);
  writeDense(out, rest, count);
}

function writeVarintSteps(body: ByteWriter, values: Float64Array, count: number): void {
  for (let row = 0, last = 0; row < count; last = values[row++]) body.signed(values[row] - last);
}

function writePacked(out: Outputs, values: Float64Array, count: number, survey: Survey): void {
  const { min, width } = survey;
  const offsets = scratchOf(count);
  for (let row = 0; row < count; row++) offsets[row] = values[row] - min;
  out.body.signed(min);
  out.body.byte(width);
  packBits(out.packed, offsets, count, width);
}

function writePackedSteps(out: Outputs, values: Float64Array, count: number, survey: Survey): void {
  const { minStep, stepWidth } = survey;
  const offsets = scratchOf(count);
  for (let row = 1; row < count; row++) offsets[row - 1] = values[row] - values[row - 1] - minStep;
  out.body.signed(values[0]);
  out.body.signed(minStep);
  out.body.byte(stepWidth);
  packBits(out.packed, offsets, count - 1, stepWidth);
}

function writeDictionary(
  out: Outputs,
  values: Float64Array,
  count: number,
  survey: Survey,
  form: number,
): void {
  const { body } = out;
  body.varint(survey.distinct);
  for (let entry = 0; entry < survey.distinct; entry++) body.signed(survey.values[entry]);
  const numbers = scratchOf(count);
  for (let row = 0; row < count; row++) numbers[row] = survey.numberOf(values[row]);
  if (form === DICTIONARY_PACKED) packBits(out.packed, numbers, count, bitsOf(survey.distinct - 1));
  else for (let row = 0; row < count; row++) body.byte(numbers[row]);
}

/** Fills `into` up to `count`; a fault shows in the readers. */
export function readNumbers(
  from: Inputs,
  into: Float64Array,
  count: number,
  earlier: readonly Float64Array[] = [],
): void {
  const form = from.body.byte();
  if (form === LINE) {
    readLine(from, into, count, earlier);
    return;
  }
  if (form !== SPARSE) {
    readDense(from, into, count, form);
    return;
  }
  const marks = new Float64Array(count);
  const markForm = from.body.byte();
  readDense(from, marks, count, markForm);
  let present = 0;
  for (let row = 0; row < count; row++) if (marks[row] === 1) present++;
  const values = new Float64Array(present);
  readDense(from, values, present, from.body.byte());
  for (let row = 0, next = 0; row < count; row++) into[row] = marks[row] === 1 ? values[next++] : Number.NaN;
}

function readLine(from: Inputs, into: Float64Array, count: number, earlier: readonly Float64Array[]): void {
  const { body } = from;
  const column = body.varint();
  const line = { column, slope: body.float(), at: body.float() };
  readDense(from, into, count, body.byte());
  if (column >= earlier.length) {
    body.fail();
    return;
  }
  const other = earlier[column];
  for (let row = 0; row < count; row++) into[row] += onLine(line, other[row]);
}

function readDense(from: Inputs, into: Float64Array, count: number, form: number): void {
  const { body } = from;
  if (form === FLOATS) for (let row = 0; row < count; row++) into[row] = body.float();
  else if (form === RUNS) readRuns(body, into, count);
  else if (form === PACKED) readPacked(from, into, count);
  else if (form === PACKED_STEPS) readPackedSteps(from, into, count);
  else if (form === VARINT_STEPS) readVarintSteps(body, into, count);
  else if (form === DICTIONARY_BYTES || form === DICTIONARY_PACKED) readDictionary(from, into, count, form);
  else body.fail();
}

/** HOT */
function readVarintSteps(body: ByteReader, into: Float64Array, count: number): void {
  const { bytes } = body;
  let value = 0;
  for (let row = 0; row < count; row++) {
    // Most steps are one byte, and most of those nought.
    const byte = body.at < bytes.length ? bytes[body.at] : 0x80;
    if (byte < 0x80) {
      body.at++;
      value += (byte & 1) === 1 ? -((byte + 1) >> 1) : byte >> 1;
    } else value += body.signed();
    into[row] = value;
  }
}

function readRuns(body: ByteReader, into: Float64Array, count: number): void {
  let value = 0;
  for (let row = 0; row < count; ) {
    value += body.signed();
    const to = row + body.varint();
    if (to === row || to > count) {
      body.fail();
      return;
    }
    into.fill(value, row, to);
    row = to;
  }
}

function readPacked(from: Inputs, into: Float64Array, count: number): void {
  const min = from.body.signed();
  unpackBits(from.packed, into, count, from.body.byte());
  if (min !== 0) for (let row = 0; row < count; row++) into[row] += min;
}

function readPackedSteps(from: Inputs, into: Float64Array, count: number): void {
  let value = from.body.signed();
  const minStep = from.body.signed();
  const width = from.body.byte();
  if (count === 0) return;
  unpackBits(from.packed, into, count - 1, width);
  for (let row = 0; row < count; row++) {
    const step = into[row] + minStep;
    into[row] = value;
    value += step;
  }
}

function readDictionary(from: Inputs, into: Float64Array, count: number, form: number): void {
  const { body } = from;
  const size = body.count(256);
  if (size === 0) {
    body.fail();
    return;
  }
  const values = new Float64Array(size);
  for (let entry = 0; entry < size; entry++) values[entry] = body.signed();
  if (form === DICTIONARY_PACKED) unpackBits(from.packed, into, count, bitsOf(size - 1));
  else {
    const bytes = body.slice(count);
    for (let row = 0; row < bytes.length; row++) into[row] = bytes[row];
  }
  for (let row = 0; row < count; row++) into[row] = into[row] < size ? values[into[row]] : body.fail();
}
