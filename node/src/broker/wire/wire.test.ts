import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkConnect, checkPacket } from './check-packet.ts';
import { FrameAssembly, frameEnd, headerBytes } from './frame.ts';
import { isCleanText, isTopicFilter, isTopicName } from './text.ts';

function frame(first: number, length: number): Buffer {
  const header = [first];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, first)]);
}

test('packets fed in pieces of any size come out whole and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 20_000 })), {
        maxLength: 12,
      }),
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 }),
      (packets, pieces) => {
        const sent = packets.map(([first, length]) => frame(first, length));
        const bytes = Buffer.concat(sent);
        const assembly = new FrameAssembly();
        const got: Buffer[] = [];
        for (let at = 0, piece = 0; at < bytes.length; piece++) {
          const chunk = bytes.subarray(at, at + pieces[piece % pieces.length]);
          for (let from = 0; from < chunk.length; ) {
            from = assembly.append(chunk, from, 30_000);
            const whole = assembly.takeWhole();
            if (whole) got.push(Buffer.from(whole));
          }
          at += chunk.length;
        }
        expect(got.map((one) => one.toString('hex'))).toEqual(sent.map((one) => one.toString('hex')));
        expect(assembly.bytes).toBe(0);
        for (const one of sent) expect(frameEnd(one, 0, one.length)).toBe(one.length);
        for (const one of sent)
          expect(one.length - headerBytes(one, 0)).toBe(one.length - headerBytes(one, 0));
      },
    ),
    { numRuns: 60 },
  );
});

test('a packet past the bound is seen from its header alone', () => {
  const assembly = new FrameAssembly();
  assembly.append(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f), 0, 1000);
  expect(assembly.tooLarge).toBe(true);
  expect(assembly.bytes).toBeLessThanOrEqual(5);
  expect(frameEnd(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 1), 0, 6)).toBe(-2);
});

test('text is clean when it is UTF-8 without control characters', () => {
  const clean = (text: string | Buffer) => {
    const bytes = Buffer.from(text as string);
    return isCleanText(bytes, 0, bytes.length);
  };
  for (const good of ['', 'a', 'Zähler/1', '電気', '😀']) expect(clean(good)).toBe(true);
  for (const bad of ['\0', 'a\n', '\u007f', '\u0085', 'ab\u0001']) expect(clean(bad)).toBe(false);
  for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
    expect(clean(Buffer.from(bad))).toBe(false);
});

test('topic names hold no wildcard, filters hold them only where the standard has them', () => {
  const name = (text: string) => isTopicName(Buffer.from(text), 0, Buffer.byteLength(text));
  const filter = (text: string) => isTopicFilter(Buffer.from(text), 0, Buffer.byteLength(text));
  for (const good of ['a', '/', '/a', 'a/b', 'ä/b', '$x'])
    expect([name(good), filter(good)]).toEqual([true, true]);
  for (const bad of ['', 'a\0', 'a/'.repeat(16), 'x'.repeat(1025)])
    expect([name(bad), filter(bad)]).toEqual([false, false]);
  for (const wild of ['#', '+', 'a/#', '+/a', 'a/+/b', '/#', '+/#'])
    expect([name(wild), filter(wild)]).toEqual([false, true]);
  for (const bad of ['a#', '#/a', 'a+', '+a', 'a/#/b', '##', 'a/b+/c']) expect(filter(bad)).toBe(false);
});

test('no bytes make a check throw, and what passes is within its bounds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 80 }), (first, bytes) => {
      const verdict = checkPacket(first, bytes, 0, bytes.length);
      expect(verdict === null || typeof verdict === 'string').toBe(true);
      const { refusal } = checkConnect(0x10, bytes, 0, bytes.length);
      if (refusal === null) expect(bytes.length).toBeGreaterThanOrEqual(12);
    }),
    { numRuns: 3_000 },
  );
});
