import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileExpression, parseExpression, unitOfExpression } from './expression.ts';

const NAMES = ['a', 'b', 'orders_2'];

/** An expression as text, and its value as plain JavaScript works it out. */
interface Written {
  text: string;
  value: (of: Record<string, number | null>) => number | null;
}

const leaf: fc.Arbitrary<Written> = fc.oneof(
  fc
    .constantFrom(...NAMES)
    .map((name) => ({ text: name, value: (of: Record<string, number | null>) => of[name] })),
  fc.integer({ min: 0, max: 99 }).map((n) => ({ text: `${n / 4}`, value: () => n / 4 })),
);

const { written } = fc.letrec<{ written: Written }>((tie) => ({
  written: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'expression' },
    leaf,
    fc.tuple(tie('written'), fc.constantFrom('+', '-', '*', '/'), tie('written')).map(([x, sign, y]) => ({
      text: `(${x.text} ${sign}${y.text})`,
      value: (of: Record<string, number | null>) => {
        const [a, b] = [x.value(of), y.value(of)];
        if (a === null || b === null || (sign === '/' && b === 0)) return null;
        return sign === '+' ? a + b : sign === '-' ? a - b : sign === '*' ? a * b : a / b;
      },
    })),
    tie('written').map((x) => ({
      text: `-${x.text}`,
      value: (of: Record<string, number | null>) => {
        const a = x.value(of);
        return a === null ? null : -a;
      },
    })),
  ),
}));

function evaluated(text: string, of: Record<string, number | null>): number | null {
  const parsed = parseExpression(text);
  if (!('root' in parsed)) throw new Error(parsed.message);
  return compileExpression(text)((at) => of[parsed.operands[at].name]);
}

const operand = fc.option(fc.integer({ min: -3, max: 3 }));

describe('an expression', () => {
  test('is worked out as arithmetic has it, and null where an operand is missing or zero divides', () => {
    fc.assert(
      fc.property(written, operand, operand, operand, ({ text, value }, a, b, c) => {
        const of = { a, b, orders_2: c };
        const expected = value(of);
        expect(evaluated(text, of)).toBe(expected !== null && Number.isFinite(expected) ? expected : null);
      }),
    );
  });

  test('binds products closer than sums, from the left', () => {
    expect(evaluated('1 - 2 - 3', {})).toBe(-4);
    expect(evaluated('8 / 2 / 2 + 1*3', {})).toBe(5);
    expect(evaluated('-(2 + a) * -1', { a: 1 })).toBe(3);
  });

  test('tells where a text is none', () => {
    const at = (text: string) => {
      const parsed = parseExpression(text);
      return 'root' in parsed ? null : `${parsed.at} ${parsed.message}`;
    };
    expect(at('orders /')).toBe('8 the expression ends too early');
    expect(at('(a + b')).toBe('6 the expression ends too early');
    expect(at('a b')).toBe('2 "b" cannot stand there');
    expect(at('a + ^')).toBe('4 "^" cannot stand there');
    expect(at('1 + sum(x)')).toBe('4 the function sum() stands inside an expression');
    expect(at('')).toBe('0 the expression ends too early');
  });

  test('has the unit that its operands give it', () => {
    const unit = (text: string, ...units: string[]) => {
      const parsed = parseExpression(text);
      return 'root' in parsed ? unitOfExpression(parsed, units) : null;
    };
    expect(unit('a / b', 'kWh', '')).toBe('kWh');
    expect(unit('a / b', 'kWh', 'kWh')).toBe('');
    expect(unit('a / b', '', 'h')).toBe('1/h');
    expect(unit('100 * (a - b) / b', 'W', 'W')).toBe('');
    expect(unit('a * 0.3', 'kWh')).toBe('kWh');
    expect(unit('a + b', 'kWh', 'W')).toBe('');
    expect(unit('a * b', 'W', 'h')).toBe('W·h');
  });
});
