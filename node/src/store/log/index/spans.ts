import type { ByteReader, ByteWriter } from '../../../contract/index.ts';

/** The range of event times of one stream in one record, for all records of a run. Fixed columns, ascending. */
export class Spans {
  /** Record, as an offset from the run's first. */
  readonly records: number[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];

  add(record: number, from: number, to: number): void {
    const last = this.records.length - 1;
    if (this.records[last] === record) {
      this.from[last] = Math.min(this.from[last], from);
      this.to[last] = Math.max(this.to[last], to);
      return;
    }
    this.records.push(record);
    this.from.push(from);
    this.to.push(to);
  }

  /** Records whose range touches the given one, ascending. */
  overlapping(from: number, to: number): number[] {
    return this.records.filter((_, at) => this.from[at] <= to && this.to[at] >= from);
  }

  extent(): { from: number; to: number } {
    return {
      from: this.from.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
      to: this.to.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY),
    };
  }

  write(into: ByteWriter): void {
    into.varint(this.records.length);
    let record = 0;
    let time = 0;
    for (let at = 0; at < this.records.length; at++) {
      into.varint(this.records[at] - record);
      into.signed(this.from[at] - time);
      into.varint(this.to[at] - this.from[at]);
      record = this.records[at];
      time = this.from[at];
    }
  }

  static read(from: ByteReader): Spans {
    const spans = new Spans();
    let record = 0;
    let time = 0;
    for (let left = from.varint(); left > 0; left--) {
      record += from.varint();
      time += from.signed();
      spans.add(record, time, time + from.varint());
    }
    return spans;
  }
}
