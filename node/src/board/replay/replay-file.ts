import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Replay, Site } from '../../contract/index.ts';
import type { KnownFrom } from '../../shard/shadow-messages.ts';
import { readIfThere } from '../read-if-there.ts';
import { writeWhole } from '../write-whole.ts';

/** Of the file of one replay; see `replay.test.ts` for its form. */
const VERSION = 1;
const FILE = 'replay.json';
/** Finished replays whose reports are kept. */
export const KEPT = 60;

/** What is kept of a replay beside its shadow, so that it can go on after the process was killed. */
export interface StoredReplay {
  version: typeof VERSION;
  /** Of what the site file said of streams and rollups. */
  site: string;
  replay: Replay;
  /** The shadow has what it begins with. */
  begun: boolean;
  /** Event time from which the shadow has every reading; null: it has all there ever were. */
  since: number | null;
  knownFrom: KnownFrom;
  /** Of an edit: the site file that it is made for, and what the running one said. */
  edit?: { text: string; of: string };
}

/** One that is asked for now, and has done nothing yet. */
export function newReplay(
  site: Site,
  asked: Pick<Replay, 'id' | 'rollups' | 'reason' | 'apply' | 'from' | 'to' | 'startedAt'>,
): StoredReplay {
  const replay: Replay = {
    ...asked,
    state: 'running',
    endedAt: null,
    records: { from: 0, done: 0, to: 0 },
    readings: 0,
    tiers: [],
    differences: 0,
    fault: null,
  };
  return { version: VERSION, site: siteMark(site), replay, begun: false, since: null, knownFrom: {} };
}

/** A replay is worth something only under the streams and rollups that it was begun with. */
export function siteMark({ timezone, streams, rollups, retention }: Site): string {
  const text = JSON.stringify({ timezone, streams, rollups, rawMs: retention.rawMs });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export const isOver = ({ state }: Replay): boolean =>
  state === 'applied' || state === 'cancelled' || state === 'failed';

/** One directory a replay: its file, and its shadow while there is one. */
export class ReplayFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /** In the order of their numbers. What was never begun to its end is cleared away. */
  load(): StoredReplay[] {
    const found: StoredReplay[] = [];
    for (const name of readdirSync(this.#dir)) {
      const id = Number(name);
      const stored = Number.isSafeInteger(id) ? this.#read(id) : null;
      if (stored === null) rmSync(join(this.#dir, name), { recursive: true, force: true });
      else found.push(stored);
    }
    return found.sort((a, b) => a.replay.id - b.replay.id);
  }

  #read(id: number): StoredReplay | null {
    const file = join(this.#dir, String(id), FILE);
    const text = readIfThere(file);
    if (text === null) return null;
    const stored = JSON.parse(text) as StoredReplay;
    // A later version's reports mean nothing to this one; the stores that it compared are not touched by that.
    return stored.version === VERSION ? stored : null;
  }

  save(stored: StoredReplay): void {
    const dir = join(this.#dir, String(stored.replay.id));
    mkdirSync(dir, { recursive: true });
    writeWhole(join(dir, FILE), `${JSON.stringify(stored, null, 1)}\n`);
  }

  storeDir(id: number): string {
    return join(this.#dir, String(id), 'store');
  }

  dropShadow(id: number): void {
    rmSync(this.storeDir(id), { recursive: true, force: true });
  }

  remove(id: number): void {
    rmSync(join(this.#dir, String(id)), { recursive: true, force: true });
  }
}
