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
  '574c5201000000005fd15d700000000000000000000008400000081231aa7942020000000200000004000000000000000000';
const SMALL =
  '574c520100010000b891131b0300000000000000000045400070081231aa7942870000008700000011000000010b656c65637472696369747904036b7768000305776174747300000573746174650100026f6e000003000201016d0602020102000102170302fa010e1002000102de060002024e5902434102020110020001020200010b656c656374726963697479096d616c666f726d65640e6d65746572732f372f706f77657209097b226d65746572223a02025001573000b0240302020100000000';
const PACKED =
  'V0xSAQEBAABBzNAKeAAAAAAAAAAAAEVAAHAIEjGqeUJ1AQAACwUAABECAAAotS/9YAsEXQsA5pM6KVClKB0wMxNyIXTNzsRwMU//WwAbiRlKa9t7751SoC+Cw3gB9v2aJZLIPgAoACYAaHU9H5eLpTHkIwCmknEcJCgsBhw8B++u4Ba3uc0dAAyeQ2mSlmHcZVqTaBjPVTQVz2JAs0wsAtqEcqEYOAEJ0ly/WVNe+WWJblWvrpTpf1m9EJZOTzVT7ROxL+T2KpUPWTYqS68diV6rOtmRm9JffjO9Xn2yI7cqfWbUVLdXn6nrLDXVbVaUV3ZXoqvXgA7nIOKEBD5AIEUEPncYWbgIwTUQDh2NAgTw8J67eTfv5t28m3fzyespr/yyfqhhXBr3Y9oNcJOkGg4SSHCp5utU6/9n0khHOMvj5ev5+nT8OPiCh5RJWote2mTYuugvHOyW7aQLd97JyeXI4W9a5MLB03uutf9vtia8S7jTCrnrNpS5BrmhEWa2uB8jAEZDJMBCvEAo9HjHuPlCXD6JFKDlgQfa1MNqNFEFVFlVVVX11VVV1VVXVVVXXVVVXXVVVXWVVVVVVV9dO+lMyl2rbox/bZBOoS+yECPcNL1FnlZ/Z2B4QYkimgMLzxywLZE+ck9TYDRxFeLg88EEoxWEJmU3RkgnWQjK09u07JX9dg5YHzkwGqHlssbDp9SI5Wn2SgcsGA2J2Jq5q5q8e81c3j3vHgAAccuCrJONpG61T8Yw1xFI3Vm+ap97gIxhnUKuI78EMNBBsVKSY3N0VIU1lhYH4hjDKaQ6hUtmXEdtKH4J79QAthGXIngzWUQ6VRvG5tfH6Kj5iQprG0wsLT0Ortm/utCb4XzyXQM/FCAlAZbMp624jslv2lDrMfwSbd5+v4+goIGxYsJDAIB3j3evmcto2CupEbPGGI0Dlr2yPE06mZQJRuPgMJqPnAO2OcALWv1perMQSKcbo0m53EHdGmbKruMqYLSnqY+8f8Ou285qDhJFeMEzsImiIkWAnDfLQkJfkM6/ts+lxcZRXaArd3J5qNuzghWpaEgjnl+Iq6KTwOg/iVusC8r0Xsjo39KtqIDLj6GvrktzGDFJFAPIwI1XlueyUc1E2ZmpSDPi2JrjnC22TkAWmgIKfQMS8Kdvo3O58cHnWmtqsTMsCLX7qbm8lEO5G9QKEWJGIMKHsLOiN8WK3DxrRZJgJJBAAgkkkEACCSSQQAIJJJBAAgkkkEACCSSQQAIJAAAAAA==';

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
