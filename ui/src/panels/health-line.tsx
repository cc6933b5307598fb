import type { StatusAnswer } from '@weir/node/contract';
import { formatBytes, formatCount, formatValue } from '../format/number.ts';
import { FaultNote } from '../parts/fault-note.tsx';
import { Icon, type IconName } from '../parts/icon.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { status } from '../state/board.ts';
import { Figure } from './figure.tsx';

const LOG_WORDS: Record<StatusAnswer['log']['state'], string> = {
  ok: 'ok',
  full: 'disk full',
  failed: 'disk refuses',
};
const CLOCK_WORDS: Record<StatusAnswer['clock'], string> = {
  synced: 'set',
  holdover: 'kept',
  unsynced: 'not set',
};

/** How the board is, in a line. */
export function HealthLine() {
  const answer = status.answer.value;
  const isOld = status.fault.value !== null;
  return (
    <section class={`card line health-line${isOld ? ' is-old' : ''}`} aria-labelledby="health-title">
      <div class="line-head">
        <h2 id="health-title">Board</h2>
        {answer ? <Version answer={answer} isOld={isOld} /> : null}
      </div>
      {status.fault.value && !answer ? <FaultNote fault={status.fault.value} /> : null}
      {answer ? <Figures answer={answer} /> : <Skeleton kind="line" />}
    </section>
  );
}

const Version = ({ answer, isOld }: { answer: StatusAnswer; isOld: boolean }) => (
  <p class="hint">{isOld ? 'as last heard' : `Weir ${answer.version}`}</p>
);

function Figures({ answer }: { answer: StatusAnswer }) {
  const serving = answer.shards.filter((shard) => shard.state === 'serving').length;
  const isWhole = serving === answer.shards.length;
  return (
    <dl class="figures">
      <Figure name="readings/s">{formatCount(answer.readingsPerSecond)}</Figure>
      <Figure name="shards serving">
        <Judged isGood={isWhole}>
          {serving} of {answer.shards.length}
        </Judged>
      </Figure>
      <Figure name="records behind" title="Records of the log that the slowest shard has not counted yet">
        {formatCount(answer.lagRecords)}
      </Figure>
      <Figure name="log">
        <Judged isGood={answer.log.state === 'ok'}>{LOG_WORDS[answer.log.state]}</Judged>
      </Figure>
      <Figure name="fsync p99" title="One write to the disk in a hundred takes longer">
        {formatValue(answer.log.fsyncMsP99, 1)}&nbsp;ms
      </Figure>
      <Figure name="disk free">{formatBytes(answer.storage.freeBytes)}</Figure>
      <Figure name="flash a reading" title="Bytes written to the disk for each reading, log and store">
        {formatValue(answer.wear.bytesPerReading, 1)}&nbsp;B
      </Figure>
      <Figure name="devices">{formatCount(answer.clients)}</Figure>
      <Figure name="clock">{CLOCK_WORDS[answer.clock]}</Figure>
    </dl>
  );
}

function Judged({ isGood, children }: { isGood: boolean; children: preact.ComponentChildren }) {
  const icon: IconName = isGood ? 'good' : 'warn';
  return (
    <span class={`judged mark-${isGood ? 'good' : 'warn'}`}>
      <Icon name={icon} />
      {children}
    </span>
  );
}
