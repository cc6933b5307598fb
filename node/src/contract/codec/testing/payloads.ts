import fc from 'fast-check';

/** Payloads as JSON text in every spelling that JSON allows, and some that it does not. */

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(''));

const whole = fc.oneof(
  fc.nat(9999).map(String),
  digits(1, 25).map((text) => text.replace(/^0+(?=\d)/, '')),
  fc.constantFrom('0', '1', '9007199254740993', '4503599627370496', '4503599627370497', '999999999999999'),
);
const exponent = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.integer({ min: -30, max: 30 }).map((power) => `e${power}`) },
  { weight: 1, arbitrary: fc.constantFrom('E+5', 'e309', 'e-400', 'E99999999999', 'e-99999999999', 'e0') },
);
const numeral = fc
  .tuple(
    fc.constantFrom('', '', '-'),
    whole,
    fc.oneof(
      fc.constant(''),
      digits(1, 8).map((text) => `.${text}`),
      digits(1, 40).map((text) => `.${text}`),
      fc.constantFrom('.5', '.0005', '.0004999999999999999999', '.4995'),
    ),
    exponent,
  )
  .map((parts) => parts.join(''));

const epoch = fc
  .tuple(
    fc.oneof(fc.integer({ min: 6e8, max: 19e8 }), fc.integer({ min: 1_763_672_000, max: 1_763_673_000 })),
    digits(9, 9),
    fc.constantFrom(0, 3, 6, 9),
    fc.boolean(),
  )
  .map(([seconds, rest, power, point]) => {
    const text = `${seconds}${rest.slice(0, power)}`;
    return point && power < 9 ? `${text}.${rest.slice(power)}` : text;
  });

const two = (max: number) => fc.nat(max).map((part) => String(part).padStart(2, '0'));
const iso = fc
  .tuple(
    fc.constantFrom('2025', '2024', '1989', '1990', '2100', '1600', '0000'),
    two(14),
    two(33),
    fc.constantFrom('T', ' ', 't', 'x'),
    two(25),
    two(61),
    fc.oneof(
      fc.constant(''),
      two(61).map((text) => `:${text}`),
      fc.tuple(two(59), digits(1, 12)).map((p) => `:${p[0]}.${p[1]}`),
    ),
    fc.oneof(
      fc.constantFrom('', 'Z', 'z', '+01:00', '-0330', '+14', '+25:00', '-00:61', '+1', 'Zulu'),
      fc.tuple(fc.constantFrom('+', '-'), two(24), two(60)).map((p) => `${p[0]}${p[1]}:${p[2]}`),
    ),
  )
  .map(
    ([year, month, day, join, hour, minute, second, zone]) =>
      `${year}-${month}-${day}${join}${hour}:${minute}${second}${zone}`,
  );

/** A string as JSON, with some characters escaped that need not be. */
function spelled(text: string, salt: number): string {
  let at = 0;
  return `"${[...JSON.stringify(text).slice(1, -1)]
    .map((char) => {
      const odd = (salt >> (at++ % 16)) & 1;
      return odd === 1 && /^[a-z0-9]$/.test(char) && !/\\/.test(JSON.stringify(text))
        ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
        : char;
    })
    .join('')}"`;
}
const salt = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(65_535) });
const spelledOf = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, salt).map(([plain, bits]) => spelled(plain, bits));

const text = fc.oneof(
  fc.constantFrom(
    'm000001',
    'm000002',
    'NY',
    'on',
    'OFF',
    'On',
    '',
    'NaN',
    '-Infinity',
    '12.5',
    '-7',
    '007.50',
    '1e5',
    '1.',
    'clock',
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    'a'.repeat(128),
    'a'.repeat(129),
    'é'.repeat(64),
    'é'.repeat(65),
    'b'.repeat(256),
    'b'.repeat(257),
  ),
  fc.constantFrom('\u0000', 'm\u001f', 'm\u007f', '\ud800', 'a\udc00b', '\u{1f600}'),
  epoch,
  iso,
  numeral,
);
const nested = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
  fc.nat(20).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.nat(20).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
);
const word = fc.constantFrom('true', 'false', 'null');
const wild = fc.oneof(numeral, spelledOf(text), word, nested, epoch);

const NAMES = [
  'meter',
  'ts',
  'kwh',
  'watts',
  'state',
  'on',
  'other',
  '__proto__',
  'constructor',
  '',
  'Meter',
  'kw',
];
const fitting: Record<string, fc.Arbitrary<string>> = {
  meter: fc.oneof(
    fc.nat(50).map((meter) => `"m${String(meter).padStart(6, '0')}"`),
    fc.nat(99).map(String),
  ),
  ts: fc.oneof(
    epoch,
    iso.map((time) => JSON.stringify(time)),
  ),
  kwh: numeral,
  watts: fc.nat(5000).map(String),
  state: fc.constantFrom('"NY"', '"CA"', '"é"'),
  on: fc.constantFrom('true', 'false', '0', '1', '"on"', '"OFF"'),
};
const member = fc
  .tuple(fc.constantFrom(...NAMES), fc.nat(9), wild, salt)
  .chain(([name, odd, any, bits]) =>
    (odd < 8 && Object.hasOwn(fitting, name) ? fitting[name] : fc.constant(any)).map(
      (value) => [spelled(name, bits), value] as const,
    ),
  );
const good = fc
  .tuple(
    fitting.meter,
    fc.integer({ min: 1_763_672_000_000, max: 1_763_672_400_000 }),
    numeral,
    fitting.watts,
    fitting.state,
  )
  .map(([meter, ts, kwh, watts, state]) => [
    ['"meter"', meter] as const,
    ['"ts"', String(ts)] as const,
    ['"kwh"', kwh] as const,
    ['"watts"', watts] as const,
    ['"state"', state] as const,
  ]);
const space = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\n', '\r\n', '\t', '  ') },
);
const object = fc
  .tuple(
    good,
    fc.array(member, { maxLength: 4 }),
    fc.boolean(),
    fc.array(fc.nat(4), { maxLength: 2 }),
    fc.array(space, { minLength: 5, maxLength: 5 }),
  )
  .map(([base, more, first, dropped, [a, b, c, d, e]]) => {
    const kept = base.filter((_, at) => !dropped.includes(at));
    const members = first ? [...more, ...kept] : [...kept, ...more];
    return `{${a}${members.map(([name, value]) => `${name}${b}:${c}${value}`).join(`${d},${e}`)}${a}}`;
  });
export const payloadText = fc.oneof(
  { weight: 4, arbitrary: object },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.array(fc.oneof({ weight: 9, arbitrary: object }, { weight: 1, arbitrary: wild }), {
          maxLength: 6,
        }),
        space,
        space,
      )
      .map(([all, a, b]) => `${a}[${b}${all.join(`${a},${b}`)}${a}]${b}`),
  },
  { weight: 1, arbitrary: wild },
);

/** The same with bytes changed, cut out or put in. */
export const brokenPayload = fc
  .tuple(payloadText, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { minLength: 1, maxLength: 3 }))
  .map(([json, edits]) => {
    const bytes = [...Buffer.from(json)];
    for (const [place, byte, kind] of edits) {
      const at = place % (bytes.length + 1);
      if (kind === 0) bytes[at] = byte;
      else if (kind === 1) bytes.splice(at, 1);
      else if (kind === 2) bytes.splice(at, 0, byte);
      else bytes.length = Math.min(at, bytes.length);
    }
    return Uint8Array.from(bytes);
  });
