import { useEffect } from 'preact/hooks';
import { ChartPanel } from '../panels/chart-panel.tsx';
import { Controls } from '../panels/controls.tsx';
import { CostPanel } from '../panels/cost-panel.tsx';
import { HealthLine } from '../panels/health-line.tsx';
import { LedgerLine } from '../panels/ledger-line.tsx';
import { PartsPanel } from '../panels/parts-panel.tsx';
import { TopPanel } from '../panels/top-panel.tsx';
import { selection } from '../state/board.ts';
import { ChartFeed } from '../state/chart-feed.ts';

/** One rollup, live: the chart, the ten largest, and what became of every reading. */
export function Overview() {
  const selected = selection.value;
  useEffect(() => {
    if (!selected) return;
    const feed = new ChartFeed(selected);
    return () => feed.stop();
  }, [selected]);
  if (!selected) {
    return (
      <section class="card notice">
        <h1>Nothing to chart yet</h1>
        <p>
          The site file has no rollup. Add one under <code>rollups:</code> and run <code>weir check</code> on
          the file.
        </p>
      </section>
    );
  }
  return (
    <div class="overview">
      <Controls selected={selected} />
      <ChartPanel selected={selected} />
      <div class="beside">
        <TopPanel selected={selected} />
        <CostPanel selected={selected} />
        <PartsPanel selected={selected} />
      </div>
      <div class="lines">
        <LedgerLine />
        <HealthLine />
      </div>
    </div>
  );
}
