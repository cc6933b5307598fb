import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AckReader } from './acks.ts';
import { TapeWriter, writeLength } from './tape.ts';

test('frames on a tape are PUBLISH packets of MQTT 3.1.1', () => {
  const writer = new TapeWriter(16);
  for (let frame = 0; frame < 2_000; frame++)
    writer.add(`a/ö/${frame}`, 'x'.repeat(frame), frame, frame % 3 === 0);
  const tape = writer.tape();
  expect(tape.frames).toBe(2_000);
  for (let frame = 0; frame < tape.frames; frame++) {
    const start = frame === 0 ? 0 : tape.ends[frame - 1];
    const dup = frame % 3 === 0;
    expect(tape.bytes[start]).toBe(dup ? 0x3a : 0x32);
    const topic = Buffer.from(`a/ö/${frame}`);
    expect(tape.bytes.readUInt16BE(tape.idAt[frame] - topic.length - 2)).toBe(topic.length);
    expect(tape.ends[frame] - tape.idAt[frame] - 2).toBe(frame);
    expect(tape.readings[frame]).toBe(frame);
  }
});

test.each([
  [0, [0]],
  [127, [0x7f]],
  [128, [0x80, 1]],
  [16_383, [0xff, 0x7f]],
  [268_435_455, [0xff, 0xff, 0xff, 0x7f]],
])('a remaining length of %d is encoded as the standard says', (length, bytes) => {
  const into = Buffer.alloc(5);
  expect([...into.subarray(0, writeLength(into, 0, length))]).toEqual(bytes);
});

test('acknowledgements are understood however their bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 50 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
      (ids, cuts) => {
        const stream = Buffer.concat([
          Buffer.from([0x20, 2, 0, 0]),
          ...ids.flatMap((id) => [Buffer.from([0x40, 2, id >> 8, id & 0xff]), Buffer.from([0xd0, 0])]),
        ]);
        const seen: number[] = [];
        const faults: string[] = [];
        let connected = 0;
        const reader = new AckReader({
          onConnack: () => connected++,
          onPuback: (id) => seen.push(id),
          onFault: (what) => faults.push(what),
        });
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const end = at + cuts[cut % cuts.length];
          reader.read(stream.subarray(at, end));
          at = end;
        }
        expect([connected, seen, faults]).toEqual([1, ids, []]);
      },
    ),
  );
});

test('any other packet is a fault, not an acknowledgement', () => {
  const faults: string[] = [];
  const reader = new AckReader({
    onConnack: () => {},
    onPuback: () => {},
    onFault: (what) => faults.push(what),
  });
  reader.read(Buffer.from([0x90, 3]));
  reader.read(Buffer.from([0, 1]));
  expect(faults).toEqual(['packet 144 of 3 bytes']);
});
