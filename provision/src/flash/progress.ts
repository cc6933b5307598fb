import { bytesText } from '@weir/node/contract';

/** How far a step is. On a terminal a bar; elsewhere one line when it ends. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #say: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #startedMs = performance.now();
  #done = 0;
  #shownMs = 0;

  constructor(what: string, total: number, say: (text: string) => void, isTerminal: boolean) {
    this.#what = what;
    this.#total = total;
    this.#say = say;
    this.#isTerminal = isTerminal;
  }

  add(bytes: number): void {
    this.#done += bytes;
    const nowMs = performance.now();
    if (!this.#isTerminal || nowMs - this.#shownMs < 200) return;
    this.#shownMs = nowMs;
    this.#say(`\r${this.#line()}`);
  }

  end(): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const line = `${this.#what.padEnd(9)} ${bytesText(this.#done)} in ${seconds.toFixed(1)} s`;
    this.#say(this.#isTerminal ? `\r${line.padEnd(72)}\n` : `${line}\n`);
  }

  #line(): string {
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const bar = '█'.repeat(Math.floor(share * 30)).padEnd(30, '·');
    const bytesPerMs = this.#done / Math.max(1, performance.now() - this.#startedMs);
    const left = Math.ceil((this.#total - this.#done) / Math.max(1e-9, bytesPerMs) / 1000);
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    return `${this.#what.padEnd(9)} ${bar} ${percent}  ${bytesText(bytesPerMs * 1000)}/s  ${left} s left`.padEnd(
      72,
    );
  }
}
