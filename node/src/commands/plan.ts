import { tmpdir } from 'node:os';
import { bytesText, parseDuration, type Site, type StreamSpec, WeirError } from '../contract/index.ts';
import { type Measured, type Plan, planSite, type StreamLoad } from '../plan/plan-site.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { readSite } from './read-site.ts';
import { table } from './table.ts';

export const planCommand: Command = {
  name: 'plan',
  usage:
    'plan SITE [--meters N] [--every TIME] [--pack N] [--values N] [--stream NAME] [--dir DIR] [--calibrate]',
  summary:
    'What a site will need on this machine: disk, memory, processor, flash a day and the life of the card. It runs the engine and the store on invented readings for a few seconds.',
  options: {
    meters: { type: 'string', value: 'N', help: 'devices of each stream; else what the site file expects' },
    every: { type: 'string', value: 'TIME', help: 'between two readings of one device (15m)' },
    pack: { type: 'string', value: 'N', help: 'readings in one message (1)' },
    values: { type: 'string', value: 'N', help: 'different values of each text field', default: '50' },
    stream: { type: 'string', value: 'NAME', help: 'plan for this stream alone' },
    dir: { type: 'string', value: 'DIR', help: 'a folder on the disk that the board will use' },
    calibrate: { type: 'boolean', help: 'measure longer, for a closer answer' },
  },
  async run(invocation) {
    const path = invocation.args[0];
    if (!path)
      throw new WeirError(
        'WEIR_USAGE',
        'name the site file, as in: weir plan site.yaml --meters 1000 --every 15m',
      );
    const site = readSite(path);
    const loads = loadsOf(invocation, site);
    const dir = text(invocation, 'dir') ?? tmpdir();
    const { plan, measured } = await planSite(site, loads, {
      dir,
      calibrate: invocation.options.calibrate === true,
    });
    process.stdout.write(invocation.json ? `${JSON.stringify({ plan, measured })}\n` : print(plan, measured));
    return EXIT.fine;
  },
};

function loadsOf(invocation: Invocation, site: Site): StreamLoad[] {
  const named = text(invocation, 'stream');
  const streams = site.streams.filter((stream) => named === undefined || stream.name === named);
  if (streams.length === 0)
    throw new WeirError('WEIR_USAGE', `the site has no stream ${JSON.stringify(named)}`, { field: 'stream' });
  return streams.map((stream) => loadOf(invocation, stream));
}

/** What is said on the command line goes before what the site file expects. */
function loadOf(invocation: Invocation, stream: StreamSpec): StreamLoad {
  const expected = stream.expected;
  const every = text(invocation, 'every');
  const everyMs = every === undefined ? (expected?.everyMs ?? 15 * 60_000) : parseDuration(every);
  if (everyMs === null || everyMs < 1)
    throw new WeirError(
      'WEIR_USAGE',
      `--every takes a span such as 5s or 15m, not ${JSON.stringify(every)}`,
      {
        field: 'every',
      },
    );
  return {
    stream,
    keys: whole(invocation, 'meters', 10_000_000, expected?.keys),
    everyMs,
    pack: whole(invocation, 'pack', 10_000, expected?.pack ?? 1),
    values: whole(invocation, 'values', 100_000),
  };
}

function whole(invocation: Invocation, name: string, most: number, otherwise?: number): number {
  const given = text(invocation, name);
  if (given === undefined && otherwise !== undefined) return otherwise;
  const value = Number(given);
  if (given === undefined || !Number.isInteger(value) || value < 1 || value > most)
    throw new WeirError('WEIR_USAGE', `--${name} takes a whole number from 1 to ${most}`, { field: name });
  return value;
}

function print(plan: Plan, measured: Measured): string {
  const { load, disk, flash, cpu } = plan;
  const days = (ms: number) => `${(ms / 86_400_000).toFixed(1)} d`;
  const rows: [string, string, string][] = [
    [
      'readings',
      `${perSecond(load.readingsPerSecond)} a second`,
      `${load.keys} devices; ${perSecond(load.messagesPerSecond)} messages a second`,
    ],
    [
      'commits',
      `${perSecond(load.commitsPerSecond)} a second`,
      `each synced in ${measured.syncMs.toFixed(1)} ms`,
    ],
    [
      'raw',
      bytesText(disk.rawBytes),
      `kept ${days(disk.rawMs)}; ${measured.logBytesPerReading.toFixed(1)} B a reading`,
    ],
    ['history', bytesText(disk.historyBytes), 'tells duplicates and repairs registers, as long as raw'],
    ...disk.tiers.map(({ rollup, tier, series, bytes }): [string, string, string] => [
      `${rollup} ${tier}`,
      bytesText(bytes),
      `${series} series`,
    ]),
    ['disk', bytesText(disk.totalBytes), 'all of it, with the reserve for a full disk'],
    ['memory', bytesText(plan.memoryBytes), `a checkpoint every ${Math.round(plan.checkpointMs / 1000)} s`],
    [
      'processor',
      `${(100 * cpu.share).toFixed(1)} % of a core`,
      `${cpu.microsPerReading.toFixed(1)} µs a reading, on this machine`,
    ],
    [
      'flash a day',
      bytesText(flash.bytesPerDay),
      `log ${bytesText(flash.logBytesPerDay)}, tiers ${bytesText(flash.storeBytesPerDay)}`,
    ],
    [
      'life',
      plan.lifeMonths === null ? 'not known' : lifeText(plan.lifeMonths),
      plan.lifeMonths === null ? 'say what the card is: site.wear' : 'until all is written that can be',
    ],
    [
      'one page',
      `${plan.pageMs.p99.toFixed(1)} ms`,
      "p99 of a device's day of the finest tier, at the shard",
    ],
  ];
  return table(['what', 'needs', ''], rows);
}

function lifeText(months: number): string {
  return months >= 24 ? `${(months / 12).toFixed(1)} years` : `${months.toFixed(1)} months`;
}

function perSecond(rate: number): string {
  return rate >= 100 ? String(Math.round(rate)) : rate.toPrecision(3);
}
