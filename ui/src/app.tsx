import type { ComponentType } from 'preact';
import { loginNeeded } from './api/ask.ts';
import { LogIn } from './pages/log-in.tsx';
import { Overview } from './pages/overview.tsx';
import { Header } from './panels/header.tsx';
import { FaultNote } from './parts/fault-note.tsx';
import { Skeleton } from './parts/skeleton.tsx';
import { site, siteFault } from './state/board.ts';
import { view } from './state/view.ts';

/** Pages by the path of the hash. Those of the worlds, of status and of maps take their places here. */
const PAGES: Record<string, ComponentType> = { '': Overview };

export function App() {
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the chart
      </button>
      <Header />
      <main id="main" tabIndex={-1}>
        <Content />
      </main>
    </>
  );
}

function Content() {
  if (loginNeeded.value) return <LogIn />;
  if (site.value === null) {
    return siteFault.value ? <FaultNote fault={siteFault.value} /> : <Skeleton kind="page" />;
  }
  const Page = PAGES[view.value.page];
  if (Page) return <Page />;
  return (
    <section class="card notice">
      <h1>There is no such page</h1>
      <p>The link may be of another version of Weir.</p>
      <a class="button" href="#/">
        Go to the overview
      </a>
    </section>
  );
}
