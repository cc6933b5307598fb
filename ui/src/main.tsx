import { render } from 'preact';
import { App } from './app.tsx';
import { startBoard } from './state/board.ts';
import { startClock } from './state/clock.ts';

startClock();
startBoard();
render(<App />, document.getElementById('app') as HTMLElement);
