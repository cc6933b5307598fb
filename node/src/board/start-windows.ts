import type { Logger } from 'pino';
import { answerRollup } from '../client/rollup-answers.ts';
import type { Site } from '../contract/index.ts';
import { boardLines } from './board-lines.ts';
import type { ShardThreads } from './shard-threads.ts';
import { type WindowPorts, WindowPublisher } from './window-publisher.ts';

/** Tells the windows of sliding rollups. Null where no rollup slides: then nothing is asked and nothing is told. */
export function startWindows(
  { site, logger }: { site: Site; logger: Logger },
  shards: ShardThreads,
  file: string,
  publish: WindowPorts['publish'],
): WindowPublisher | null {
  if (!site.rollups.some((rollup) => rollup.window !== undefined)) return null;
  const lines = boardLines(shards);
  const publisher = new WindowPublisher(
    site,
    { ask: (question) => answerRollup(lines, site, question, Date.now()), publish, nowMs: Date.now },
    file,
    logger,
  );
  publisher.start();
  return publisher;
}
