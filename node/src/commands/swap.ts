import { userInfo } from 'node:os';
import { type SwapAnswer, type SwapsAnswer, WeirError } from '../contract/index.ts';
import { ask, send, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { table } from './table.ts';

export const swapCommand: Command = {
  name: 'swap',
  usage: 'swap add METER --stream NAME --last N [--first N] [--at TIME] | swap list [METER] | swap undo ID',
  summary: 'Records that a meter was changed, so that its register goes on exactly; lists and takes back.',
  options: {
    ...URL_OPTIONS,
    stream: { type: 'string', value: 'NAME', help: 'the stream of its readings' },
    field: { type: 'string', value: 'NAME', help: 'the register; the first counter without it' },
    at: { type: 'string', value: 'TIME', help: 'readings from here on are the new one’s', default: 'now' },
    last: { type: 'string', value: 'N', help: 'what the old register showed at last' },
    first: { type: 'string', value: 'N', help: 'what the new one showed at first', default: '0' },
    note: { type: 'string', value: 'TEXT', help: 'what else is to be said' },
  },
  async run(invocation) {
    const [verb, name] = invocation.args;
    if (verb === 'add' && name) return add(invocation, name);
    if (verb === 'undo' && name) return undo(invocation, name);
    if (verb === 'list') return list(invocation, name);
    throw new WeirError('WEIR_USAGE', 'say add METER, list or undo ID, as in: weir swap list');
  },
};

async function add(invocation: Invocation, meter: string): Promise<number> {
  const value = (name: string) => text(invocation, name);
  const body = {
    meter,
    stream: needed(invocation, 'stream'),
    last: needed(invocation, 'last'),
    first: value('first'),
    at: value('at') ?? 'now',
    field: value('field'),
    note: value('note'),
    by: userInfo().username,
  };
  const answer = await send<SwapAnswer>(invocation, '/api/v1/swaps', body);
  const { id, effect } = answer;
  const more =
    effect === 'unheard'
      ? `No reading of ${meter} ever came to ${body.stream}, so nothing is counted anew yet. A wrong name is taken back by: weir swap undo ${id}\n`
      : effect === 'uncounted'
        ? 'No rollup counts this register, so nothing is counted anew.\n'
        : '';
  return tell(invocation, answer, `recorded as ${id}\n${more}`);
}

async function undo(invocation: Invocation, id: string): Promise<number> {
  const answer = await send<SwapAnswer>(invocation, '/api/v1/swaps/undo', { id, by: userInfo().username });
  return tell(invocation, answer, `${id} is taken back\n`);
}

async function list(invocation: Invocation, meter: string | undefined): Promise<number> {
  const search = meter === undefined ? '' : `?${new URLSearchParams({ meter })}`;
  const answer = await ask<SwapsAnswer>(invocation, `/api/v1/swaps${search}`);
  const rows = answer.swaps.map((swap) => [
    new Date(swap.at).toISOString(),
    swap.stream,
    swap.meter,
    swap.field,
    swap.last,
    swap.first,
    swap.by,
    swap.undone === null ? '' : `by ${swap.undone.by}`,
    swap.id,
  ]);
  const heads = ['at', 'stream', 'meter', 'field', 'last', 'first', 'by', 'undone', 'id'];
  return tell(invocation, answer, table(heads, rows));
}

function needed(invocation: Invocation, name: string): string {
  const value = text(invocation, name);
  if (value === undefined) throw new WeirError('WEIR_USAGE', `--${name} is needed`, { field: name });
  return value;
}

function tell(invocation: Invocation, answer: object, words: string): number {
  process.stdout.write(invocation.json ? `${JSON.stringify(answer)}\n` : words);
  return EXIT.fine;
}
