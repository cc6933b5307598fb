import { accessSync, constants, statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { clockTrust } from '../board/clock-trust.ts';
import { bytesText, isWeirError, type LedgerAnswer, type StatusAnswer } from '../contract/index.ts';
import { ask, URL_OPTIONS } from './ask-http.ts';
import { type Command, EXIT, type Invocation, text } from './command.ts';
import { imbalance } from './ledger.ts';
import { degraded, reconciledText, wearText } from './status.ts';

type Finding = { name: string; state: 'fine' | 'warn' | 'bad'; says: string };

const MB = 1e6;

export const doctorCommand: Command = {
  name: 'doctor',
  usage: 'doctor [--data DIR] [--url URL]',
  summary:
    'Looks at this machine and the running appliance, and says what is wrong and what to do. Exit status 6 when something is.',
  options: {
    ...URL_OPTIONS,
    data: { type: 'string', value: 'DIR', help: 'the data directory', default: './weir-data' },
  },
  async run(invocation) {
    const findings = [
      ...machine(),
      ...disk(text(invocation, 'data') ?? './weir-data'),
      ...(await appliance(invocation)),
    ];
    if (invocation.json) process.stdout.write(`${JSON.stringify({ findings })}\n`);
    else
      for (const { name, state, says } of findings)
        process.stdout.write(`${state.padEnd(5)} ${name.padEnd(10)} ${says}\n`);
    return findings.some((finding) => finding.state === 'bad') ? EXIT.degraded : EXIT.fine;
  },
};

function machine(): Finding[] {
  const major = Number(process.versions.node.split('.')[0]);
  const trust = clockTrust(Date.now(), 0);
  return [
    {
      name: 'node',
      state: major >= 24 ? 'fine' : 'bad',
      says: `${process.version} on ${process.arch}${major >= 24 ? '' : '; Weir needs 24'}`,
    },
    {
      name: 'machine',
      state: totalmem() >= 900 * MB ? 'fine' : 'warn',
      says: `${availableParallelism()} cores, ${bytesText(totalmem())} of memory`,
    },
    {
      name: 'clock',
      state: trust === 'synced' ? 'fine' : trust === 'holdover' ? 'warn' : 'bad',
      says: {
        synced: 'a time service says that it is right',
        holdover: 'plausible, but no time service confirms it; install chrony or systemd-timesyncd',
        unsynced: `wrong: it says ${new Date().toISOString()}. Nothing is forgotten and no window closes until it is set`,
      }[trust],
    },
  ];
}

function disk(dir: string): Finding[] {
  try {
    accessSync(dir, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const says =
      code === 'ENOENT' ? `${dir} does not exist yet; weir up makes it` : `${dir} cannot be written: ${code}`;
    return [{ name: 'disk', state: code === 'ENOENT' ? 'warn' : 'bad', says }];
  }
  const { bavail, bsize, blocks } = statfsSync(dir);
  const free = bavail * bsize;
  const share = bavail / blocks;
  const state = free < 200 * MB ? 'bad' : share < 0.1 ? 'warn' : 'fine';
  return [
    {
      name: 'disk',
      state,
      says: `${bytesText(free)} free (${Math.round(share * 100)} %)${state === 'fine' ? '' : '; lower retention.rawBytes or add space'}`,
    },
  ];
}

function archiveFinding({ archive }: StatusAnswer): Finding[] {
  if (!archive) return [];
  const { dir, archivedSeq, fault } = archive;
  const says =
    fault === null ? `raw is archived to ${dir} up to record ${archivedSeq}` : `raw waits: ${fault}`;
  return [{ name: 'archive', state: fault === null ? 'fine' : 'bad', says }];
}

function reconcileFinding(status: StatusAnswer): Finding {
  const { reconciled } = status;
  const says = reconciledText(status);
  if (!reconciled) return { name: 'reconcile', state: 'fine', says };
  const isSound = reconciled.state === 'applied' && reconciled.differences === 0;
  return {
    name: 'reconcile',
    state: isSound ? 'fine' : 'warn',
    says: isSound ? says : `${says}; see: weir replay show ${reconciled.id}`,
  };
}

async function appliance(invocation: Invocation): Promise<Finding[]> {
  try {
    const status = await ask<StatusAnswer>(invocation, '/api/v1/status');
    const ledger = await ask<LedgerAnswer>(invocation, '/api/v1/ledger?from=-30d&to=now');
    const off = imbalance(ledger);
    return [
      {
        name: 'appliance',
        state: degraded(status) ? 'bad' : 'fine',
        says: status.ready
          ? `ready; log ${status.log.state}; ${status.lagRecords} records behind`
          : status.reasons.join('; '),
      },
      flash(status.wear),
      {
        name: 'ledger',
        state: off === 0 ? 'fine' : 'bad',
        says:
          off === 0 ? `reconciles over ${ledger.received} readings` : `${off} readings are unaccounted for`,
      },
      reconcileFinding(status),
      ...archiveFinding(status),
    ];
  } catch (fault) {
    if (!isWeirError(fault)) throw fault;
    return [
      { name: 'appliance', state: fault.code === 'WEIR_UNREACHABLE' ? 'warn' : 'bad', says: fault.message },
    ];
  }
}

/** A year is soon enough to buy a card; past the budget is a warning from the first day. */
function flash(wear: StatusAnswer['wear']): Finding {
  const pace = Math.max(wear.perDayBytes ?? 0, wear.devicePerDayBytes ?? 0);
  const over = wear.budgetPerDayBytes !== null && pace > wear.budgetPerDayBytes * 1.15;
  const months = wear.monthsLeft ?? Number.POSITIVE_INFINITY;
  const state = months < 3 ? 'bad' : months < 12 || over ? 'warn' : 'fine';
  const advice = over ? '; over its budget: keep fewer tiers, group-bys or readings' : '';
  return {
    name: 'flash',
    state,
    says: `${wearText(wear)}${months < 12 ? '; replace it in time' : ''}${advice}`,
  };
}
