import { WeirError } from '../contract/index.ts';
import { open, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, text } from './command.ts';

export const tailCommand: Command = {
  name: 'tail',
  usage: 'tail ROLLUP [--by meter] [--where state=NY] [--for 30s]',
  summary: 'Prints the buckets of a rollup as they change, one JSON object a line, until interrupted.',
  options: {
    ...URL_OPTIONS,
    by: { type: 'string', value: 'FIELDS', help: 'group by these fields, comma-separated' },
    where: { type: 'string', value: 'F=V', help: 'filter' },
    count: { type: 'string', value: 'N', help: 'stop after so many changes' },
  },
  async run(invocation) {
    const rollup = invocation.args[0];
    if (!rollup) throw new WeirError('WEIR_USAGE', 'name the rollup to follow, as in: weir tail usage');
    const search = new URLSearchParams({ rollup });
    const by = text(invocation, 'by');
    if (by) search.set('by', by);
    const where = text(invocation, 'where');
    if (where?.includes('='))
      search.set(`where.${where.slice(0, where.indexOf('='))}`, where.slice(where.indexOf('=') + 1));
    const most = Number(text(invocation, 'count') ?? Number.POSITIVE_INFINITY);
    const answer = await open(invocation, `/api/v1/live?${search}`, 'text/event-stream');
    return follow(answer, most);
  },
};

async function follow(answer: Response, most: number): Promise<number> {
  if (!answer.body)
    throw new WeirError('WEIR_UNREACHABLE', 'the appliance closed the stream before it began');
  let pending = '';
  let seen = 0;
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    pending += chunk;
    for (let end = pending.indexOf('\n\n'); end >= 0; end = pending.indexOf('\n\n')) {
      const change = dataOf(pending.slice(0, end));
      pending = pending.slice(end + 2);
      if (change === null) continue;
      process.stdout.write(`${change}\n`);
      if (++seen >= most) return EXIT.fine;
    }
  }
  process.stderr.write('The appliance closed the stream.\n');
  return EXIT.unreachable;
}

/** The data of one server-sent event of the kind `change`; null for heartbeats and others. */
function dataOf(block: string): string | null {
  const lines = block.split('\n');
  if (!lines.includes('event: change')) return null;
  return lines
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6))
    .join('');
}
