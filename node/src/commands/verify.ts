import { type VerifiedData, verifyData } from '../board/index.ts';
import { type VerifyAnswer, WeirError } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { siteOfData } from './read-site.ts';
import { table } from './table.ts';

/** Without a site file in the data directory it is the shipped one, as for `weir up`. */
export function verifyCommand(shippedSite: URL): Command {
  return {
    name: 'verify',
    usage: 'verify [--url URL] | verify [SITE] --data DIR [--replay]',
    summary:
      'Hashes of everything that each shard knows, at a record of the log. Two boards, two runs or a replay of the same log give the same. Exit status 6 when they differ from what was expected.',
    options: {
      ...URL_OPTIONS,
      data: {
        type: 'string',
        value: 'DIR',
        help: 'a data directory, of an appliance that runs or is stopped',
      },
      replay: {
        type: 'boolean',
        help: 'also make the state again from the log of a stopped appliance, and compare',
      },
      temp: { type: 'string', value: 'DIR', help: 'where --replay keeps that state meanwhile (--data)' },
      expect: { type: 'string', value: 'HASH', help: 'the hash that it must be' },
    },
    run: (invocation) => verify(invocation, shippedSite),
  };
}

async function verify(invocation: Invocation, shippedSite: URL): Promise<number> {
  const data = text(invocation, 'data');
  if (data === undefined && invocation.options.replay === true)
    throw new WeirError('WEIR_USAGE', '--replay needs the data directory of a stopped appliance: --data DIR');
  const answer: VerifyAnswer & Partial<VerifiedData> =
    data === undefined
      ? await ask<VerifyAnswer>(invocation, '/api/v1/verify')
      : await verifyData(data, siteOfData(data, invocation.args[0], shippedSite), replayOf(invocation));
  process.stdout.write(invocation.json ? `${JSON.stringify(answer)}\n` : print(answer));
  const expected = text(invocation, 'expect');
  const isExpected = expected === undefined || expected === answer.hash;
  if (!isExpected) process.stderr.write(`The state is ${answer.hash}, and not ${expected}.\n`);
  if (answer.replay?.equal === false)
    process.stderr.write(
      `The log gives another state than the one that is stored: shards ${answer.replay.differing.join(', ')}.\n`,
    );
  return isExpected && answer.replay?.equal !== false ? EXIT.fine : EXIT.degraded;
}

function replayOf(invocation: Invocation): { replay: boolean; temp?: string } {
  const temp = text(invocation, 'temp');
  return { replay: invocation.options.replay === true, ...(temp === undefined ? {} : { temp }) };
}

function print(answer: VerifyAnswer & Partial<VerifiedData>): string {
  const rows = answer.shards.map(({ shard, position, hash }) => [shard, position, hash]);
  const lines = [
    table(['shard', 'record', 'hash'], rows),
    `state   ${answer.hash} at record ${answer.position}\n`,
  ];
  if (answer.replay) lines.push(`replay  ${answer.replay.equal ? 'equal' : answer.replay.hash}\n`);
  return lines.join('');
}
