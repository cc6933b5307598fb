import type { StatusAnswer } from '../contract/index.ts';
import { bytesText } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT } from './command.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: 'status [--url URL]',
  summary:
    'The state of a running appliance: shards, log, lag, storage, memory. Exit status 6 when it is degraded.',
  options: URL_OPTIONS,
  async run(invocation) {
    const status = await ask<StatusAnswer>(invocation, '/api/v1/status');
    process.stdout.write(invocation.json ? `${JSON.stringify(status)}\n` : print(status));
    return degraded(status) ? EXIT.degraded : EXIT.fine;
  },
};

export function degraded(status: StatusAnswer): boolean {
  return (
    !status.ready || status.log.state !== 'ok' || status.shards.some((shard) => shard.state === 'damaged')
  );
}

/** What is written a day, and what that means for the flash, as far as it is known. */
export function wearText(wear: StatusAnswer['wear']): string {
  if (wear.perDayBytes === null) return 'not known yet; ask again in a minute';
  const parts = [`${bytesText(wear.perDayBytes)} a day`];
  if (wear.devicePerDayBytes !== null) parts.push(`${bytesText(wear.devicePerDayBytes)} on the whole disk`);
  if (wear.amplification !== null) parts.push(`${wear.amplification.toFixed(1)} bytes for each of the log`);
  if (wear.budgetPerDayBytes !== null) parts.push(`budget ${bytesText(wear.budgetPerDayBytes)} a day`);
  if (wear.monthsLeft !== null) parts.push(`${monthsText(wear.monthsLeft)} left`);
  parts.push(`a checkpoint every ${Math.round(wear.checkpointEveryMs / 1000)} s`);
  return parts.join('; ');
}

/** Past ten years the months do not matter. */
function monthsText(months: number): string {
  return months >= 120 ? `${Math.floor(months / 12)} years` : `${Math.floor(months)} months`;
}

function archiveLine({ archive }: StatusAnswer): [string, string][] {
  if (!archive) return [];
  const { dir, format, files, waitingRecords, fault } = archive;
  const how = fault === null ? `${files} files` : `raw waits: ${fault}`;
  return [['archive', `${format} in ${dir}; ${how}; ${waitingRecords} records not archived yet`]];
}

/** What the nightly job said of the last day. */
export function reconciledText({ reconciled }: Pick<StatusAnswer, 'reconciled'>): string {
  if (!reconciled) return 'not yet; it runs every night';
  const { from, to, state, differences, fault } = reconciled;
  const day = [from, to].map((at) => (at === null ? '…' : new Date(at).toISOString())).join(' to ');
  if (state !== 'applied') return `${day}: ${state}${fault === null ? '' : `: ${fault}`}`;
  return `${day}: ${differences === 0 ? 'nothing differed' : `${differences} buckets corrected`}`;
}

function print(status: StatusAnswer): string {
  const states = Map.groupBy(status.shards, (shard) => shard.state);
  const shards = [...states].map(([state, list]) => `${list.length} ${state}`).join(', ');
  const keys = status.shards.reduce((total, shard) => total + shard.keys, 0);
  const lines: [string, string][] = [
    ['site', `${status.site} (weir ${status.version})`],
    ['state', status.ready ? 'ready' : `not ready: ${status.reasons.join('; ')}`],
    ['shards', `${shards}; ${keys} keys; ${status.lagRecords} records behind`],
    ['readings', `${Math.round(status.readingsPerSecond)} a second from ${status.clients} clients`],
    [
      'log',
      `${status.log.state}; records ${status.log.first} to ${status.log.last}; ${bytesText(status.log.bytes)} in ${status.log.segments} segments`,
    ],
    ['fsync', `${status.log.fsyncMsP99.toFixed(1)} ms (p99)`],
    [
      'storage',
      `${bytesText(status.storage.storeBytes)} of tiers; ${bytesText(status.storage.freeBytes)} free`,
    ],
    [
      'flash',
      `${bytesText(status.wear.writtenBytes)} written since the start; ${status.wear.bytesPerReading.toFixed(1)} B a reading`,
    ],
    ['wear', wearText(status.wear)],
    ['clock', status.clock],
    ...archiveLine(status),
    ['reconcile', reconciledText(status)],
    ['memory', bytesText(status.memory.rssBytes)],
  ];
  return lines.map(([name, value]) => `${name.padEnd(9)} ${value}\n`).join('');
}
