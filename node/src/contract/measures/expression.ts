/**
 * Arithmetic over the measures of a rollup: `orders / visits`, `(a + b) * 100`. It is worked out when an answer is made, of operands that
 * are each finished for the step of the answer, so nothing is averaged twice. Numbers, names, `+ - * /` and parentheses;
 * what divides by zero, or lacks an operand, is null.
 */
export interface Expression {
  root: Node;
  /** Names in the order in which they first stand there, and where. */
  operands: { name: string; at: number }[];
}

type Node =
  | { kind: 'number'; value: number }
  | { kind: 'operand'; operand: number }
  | { kind: 'sign'; of: Node }
  | { kind: '+' | '-' | '*' | '/'; left: Node; right: Node };

export interface ExpressionFault {
  message: string;
  suggestion: string | null;
  /** Place in the text. */
  at: number;
}

export type Evaluate = (operand: (at: number) => number | null) => number | null;

const TOKEN = /\s*(?:([0-9]+(?:\.[0-9]+)?)|([A-Za-z][A-Za-z0-9_]*)|([-+*/()])|(\S))/y;

interface Token {
  text: string;
  kind: 'number' | 'name' | 'sign' | 'other' | 'end';
  at: number;
}

export function parseExpression(text: string): Expression | ExpressionFault {
  const parser = new Parser(text);
  try {
    return parser.whole();
  } catch (fault) {
    if (fault instanceof Unexpected) return fault.fault;
    throw fault;
  }
}

class Unexpected extends Error {
  readonly fault: ExpressionFault;

  constructor(fault: ExpressionFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Its depth is bounded by the length of the text, which the schema bounds. */
class Parser {
  readonly #tokens: Token[];
  readonly #operands: Expression['operands'] = [];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): Expression {
    const root = this.#sum();
    if (this.#token.kind !== 'end') this.#unexpected();
    return { root, operands: this.#operands };
  }

  get #token(): Token {
    return this.#tokens[this.#next];
  }

  #takes(signs: string): string | null {
    const { kind, text } = this.#token;
    if (kind !== 'sign' || !signs.includes(text)) return null;
    this.#next++;
    return text;
  }

  #sum(): Node {
    let left = this.#product();
    for (let sign = this.#takes('+-'); sign !== null; sign = this.#takes('+-'))
      left = { kind: sign as '+' | '-', left, right: this.#product() };
    return left;
  }

  #product(): Node {
    let left = this.#term();
    for (let sign = this.#takes('*/'); sign !== null; sign = this.#takes('*/'))
      left = { kind: sign as '*' | '/', left, right: this.#term() };
    return left;
  }

  #term(): Node {
    if (this.#takes('-') !== null) return { kind: 'sign', of: this.#term() };
    if (this.#takes('(') !== null) {
      const inner = this.#sum();
      if (this.#takes(')') === null) this.#unexpected('close the parenthesis');
      return inner;
    }
    const { kind, text, at } = this.#token;
    if (kind !== 'number' && kind !== 'name') this.#unexpected();
    this.#next++;
    if (kind === 'number') return { kind: 'number', value: Number(text) };
    if (this.#token.text === '(') {
      throw new Unexpected({
        message: `the function ${text}() stands inside an expression`,
        suggestion: 'give it a name of its own as a measure, and use that name here',
        at,
      });
    }
    let operand = this.#operands.findIndex((one) => one.name === text);
    if (operand < 0) operand = this.#operands.push({ name: text, at }) - 1;
    return { kind: 'operand', operand };
  }

  #unexpected(suggestion = 'write names of measures, numbers, + - * / and parentheses'): never {
    const { kind, text, at } = this.#token;
    const message =
      kind === 'end' ? 'the expression ends too early' : `${JSON.stringify(text)} cannot stand there`;
    throw new Unexpected({ message, suggestion, at });
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [number, name, sign, other] = match.slice(1);
    const kind =
      number !== undefined ? 'number' : name !== undefined ? 'name' : sign !== undefined ? 'sign' : 'other';
    const word = number ?? name ?? sign ?? other;
    tokens.push({ text: word, kind, at: match.index + match[0].length - word.length });
  }
  tokens.push({ text: '', kind: 'end', at: text.length });
  return tokens;
}

const compiled = new Map<string, Evaluate>();
/** More expressions than the measures of a site. */
const COMPILED_MAX = 4096;

/** The closure of a text without faults, made once in a thread. Operands are asked for by their place. */
export function compileExpression(text: string): Evaluate {
  let evaluate = compiled.get(text);
  if (evaluate === undefined) {
    const parsed = parseExpression(text);
    if (!('root' in parsed)) throw new Error(`an expression with a fault came past the site file: ${text}`);
    const root = compile(parsed.root);
    evaluate = (operand) => {
      const value = root(operand);
      return value === null || !Number.isFinite(value) ? null : value;
    };
    if (compiled.size >= COMPILED_MAX) compiled.clear();
    compiled.set(text, evaluate);
  }
  return evaluate;
}

function compile(node: Node): Evaluate {
  switch (node.kind) {
    case 'number':
      return () => node.value;
    case 'operand':
      return (operand) => operand(node.operand);
    case 'sign': {
      const inner = compile(node.of);
      return (operand) => {
        const value = inner(operand);
        return value === null ? null : -value;
      };
    }
    default:
      return compileBoth(node.kind, compile(node.left), compile(node.right));
  }
}

function compileBoth(kind: '+' | '-' | '*' | '/', left: Evaluate, right: Evaluate): Evaluate {
  return (operand) => {
    const a = left(operand);
    const b = right(operand);
    if (a === null || b === null) return null;
    if (kind === '+') return a + b;
    if (kind === '-') return a - b;
    if (kind === '*') return a * b;
    return b === 0 ? null : a / b;
  };
}

/** Unit of the result, as far as the operands' tell; empty where they do not fit. */
export function unitOfExpression({ root }: Expression, units: string[]): string {
  return unitOf(root, units) ?? '';
}

/** Null is a bare number, which takes any unit. */
function unitOf(node: Node, units: string[]): string | null {
  if (node.kind === 'number') return null;
  if (node.kind === 'operand') return units[node.operand];
  if (node.kind === 'sign') return unitOf(node.of, units);
  const left = unitOf(node.left, units);
  const right = unitOf(node.right, units);
  if (node.kind === '+' || node.kind === '-')
    return left === right || right === null ? left : left === null ? right : '';
  if (node.kind === '*') return !left || !right ? left || right : `${left}·${right}`;
  if (!right) return left;
  return left === right ? '' : `${left || '1'}/${right}`;
}
