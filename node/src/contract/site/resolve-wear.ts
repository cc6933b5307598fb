import { DAY_MS, parseSize } from '../time/duration.ts';
import type { FaultList } from './fault-list.ts';
import { quoted } from './faults.ts';
import type { WearSpec } from './model.ts';
import { span } from './resolve-span.ts';
import type { Draft, SiteFile } from './schema.ts';

type WearDraft = Draft<NonNullable<NonNullable<SiteFile['site']>['wear']>>;

const PATH = 'site.wear';

/** What can be written to the flash in all: said by its maker, or its size as often as a cell can be written. */
export function resolveWear(given: WearDraft | undefined, faults: FaultList): { wear?: WearSpec } {
  if (given === undefined) return {};
  const { capacity, cycles, tbw, budget } = given;
  if ((capacity === undefined) === (tbw === undefined)) {
    const what =
      tbw === undefined ? 'needs its size or what can be written to it' : 'has two answers to one question';
    faults.at(PATH, `${PATH} ${what}`, 'write either capacity or tbw');
  }
  const enduranceBytes =
    tbw === undefined ? sizeOf(capacity, 'capacity', faults) * (cycles ?? 0) : sizeOf(tbw, 'tbw', faults);
  const lifeMs = budget === undefined ? null : span(budget, `${PATH}.budget`, faults);
  if (lifeMs !== null && lifeMs < 30 * DAY_MS)
    faults.at(`${PATH}.budget`, `${PATH}.budget ${budget} is no life for flash`, 'write years, such as 5y');
  return { wear: { enduranceBytes, lifeMs } };
}

function sizeOf(text: string | undefined, key: string, faults: FaultList): number {
  if (text === undefined) return 0;
  const bytes = parseSize(text);
  if (bytes === null || bytes < 1e9)
    faults.at(`${PATH}.${key}`, `${PATH}.${key} cannot be ${quoted(text)}`, 'take 1GB or more');
  return bytes ?? 0;
}
