import { describe, expect, it } from 'vitest';
import { field, testSite } from '../codec/testing/test-site.ts';
import { GroupBuilder } from '../reading/group-builder.ts';
import type { LogRecord } from '../reading/section.ts';
import { decodeRecord } from './decode.ts';
import { encodeRecord } from './encode.ts';

/**
 * Version 1 as it was first written. Logs on boards hold such bytes: a change that breaks this test needs a new
 * version and a decoder for the old one.
 */
const TICK =
  '574c52010000000089a5bf470000000000000000000008400000081231aa794203000000030000000400000000000000000000';
const SMALL =
  '574c520100010000817028530300000000000000000045400070081231aa7942890000008900000011000000010b656c65637472696369747904036b7768000305776174747300000573746174650100026f6e000003000201016d0602020102000102170302fa010e1002000102de060002024e5902434102020110020001020200010e6d65746572732f372f706f776572010b656c656374726963697479096d616c666f726d65640009097b226d65746572223a02025001573000b0240302020100000000';
const PACKED =
  'V0xSAQEBAACefOuseAAAAAAAAAAAAEVAAHAIEjGqeUJ2AQAADAUAABECAAAotS/9YAwEZQsA9tM6KVClKB0wMxNyIXTNzsRwMU//WwAbiRlKa9t7751SoC+Cw3gB9v2aJZLIPgAoACYAaHU9H5eLpTHkIwCmknEcJCgsBhw8B++u4Ba3uc0dAAyeQ2mSlmHcZVqTaBjPVTQVz2JAs0wsAtqEcqEYOAEJ0ly/WVNe+WWJblWvrpTpf1m9EJZOTzVT7ROxL+T2KpUPWTYqS68diV6rOtmRm9JffjO9Xn2yI7cqfWbUVLdXn6nrLDXVbVaUV3ZXoqt3DehwDiJOSOADBFJE4HOHkYWLEFwD4dDRKEAAD++5m3fzbt7Nu3k3n7ye8sovC36oYVwa92PaDXCTpBoOEkhwqebrVOv/Z9JIRzjL4+Xr+fp0/Dj4goeUSVqLXtpk2LroLxzslu2kC3feycnlyOFvWuTCwdN7rrX/b7YmvEu40wq56zaUuQa5oRFmtrgfIwBGQyTAQrxAKPR4x7j5Qlw+iRSg5YEH2tTDajRRBVRZVVVV9dVVVdVVV1VVV11VVV11VVV1lVVVVVVfXTvpTMpdq26Mf22QTqEvshAj3DS9RZ5Wf2dgeEGJIpoDC88csC2RPnJPU2A0cRXi4PPBBKMVhCZlN0ZIJ1kIytPbtOyV/XYOWB85MBqh5bLGw6fUiOVp9koHLBgNidiauauavHvNXN497x4AAHHLgqyTjaRutU/GMNcRSN1Zvmqfe4CMYZ1CriO/BDDQQbFSkmNzdFSFNZYWB+IYwymkOoVLZlxHbSh+Ce/UALYRlyJ4M1lEOlUbxubXx+io+YkKaxtMLC09Dq7Zv7rQm+F88l0DPxQgJQGWzKetuI7Jb9pQ6zH8Em3efr+PoKCBsWLCQwCAd493r5nLaNgrqRGzxhiNA5a9sjxNOpmUCUbj4DCaj5wDtjnAC1r9aXqzEEinG6NJudxB3Rpmyq7jKmC0p6mPvH/DrtvOag4SRXjBM7CJoiJFgJw3y0JCX5DOv7bPpcXGUV2gK3dyeajbs4IVqWhII55fiKuik8DoP4lbrAvK9F7I6N/SraiAy4+hr65LcxgxSRQDyMCNV5bnslHNRNmZqUgz4tia45wttk5AFpoCCn0DEvCnb6NzufHB51prarEzLAi1+6m5vJRDuRvUChFiRiDCh7CzojfFitw8a0WSYCSQQAIJJJBAAgkkkEACCSSQQAIJJJBAAgkkkEACCQAAAAA=';

const ARRIVAL = 1_763_672_400_000;

function recordOf(readings: object[], broken: string[] = []): LogRecord {
  const fields = [
    field('kwh', 'counter', 3),
    field('watts', 'gauge'),
    field('state', 'text'),
    field('on', 'bool'),
  ];
  const builder = new GroupBuilder(testSite({ fields }));
  builder.add('meters/7/power', Buffer.from(JSON.stringify(readings)), ARRIVAL);
  for (const payload of broken) builder.add('meters/7/power', Buffer.from(payload), ARRIVAL);
  return builder.take(42, ARRIVAL + 7, true);
}

const tick: LogRecord = {
  seq: 3,
  wallMs: ARRIVAL,
  clockTrusted: false,
  layouts: [],
  sections: [],
  setAside: [],
};
const small = () =>
  recordOf(
    [
      { meter: 'm000001', ts: ARRIVAL - 5, kwh: 12.5, state: 'NY', on: true },
      { meter: 'm000002', ts: ARRIVAL - 3, kwh: 0.125, watts: 431, state: 'CA' },
      { meter: 'm000001', ts: ARRIVAL, kwh: 13, state: 'NY' },
    ],
    ['{"meter":'],
  );
/** Each column in a form of its own, some of them compressed. */
const packed = () =>
  recordOf(
    Array.from({ length: 120 }, (_, at) => ({
      meter: `shop-${(at * 37) % 90}/till-${at % 4}`,
      ts: ARRIVAL - ((at * 7919) % 60_000),
      kwh: ((at * 7919) % 30_000) / 1000,
      watts: ((at * 7919) % 30_000) * 3 + 11,
      state: ['NY', 'CA', 'TX', 'NY', 'NY'][at % 5],
      on: at > 60,
    })),
  );

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('version 1 of a record', () => {
  it('is written as it always was', () => {
    expect(hex(encodeRecord(tick))).toBe(TICK);
    expect(hex(encodeRecord(small()))).toBe(SMALL);
  });

  it('is read as it always was, whatever the compression of today makes of it', () => {
    expect(decodeRecord(Buffer.from(TICK, 'hex'))).toEqual(tick);
    expect(decodeRecord(Buffer.from(SMALL, 'hex'))).toEqual(small());
    expect(decodeRecord(Buffer.from(PACKED, 'base64'))).toEqual(packed());
  });
});
