/** How far something is, on one line of a terminal; nothing where stderr is none. */
export class ProgressLine {
  readonly #isShown = process.stderr.isTTY === true;
  #last = '';

  show(what: string, done: number, of: number): void {
    if (!this.#isShown) return;
    const line = `${what} ${Math.min(100, Math.floor((100 * done) / Math.max(1, of)))} %`;
    if (line === this.#last) return;
    process.stderr.write(`\r${line.padEnd(this.#last.length)}`);
    this.#last = line;
  }

  end(): void {
    if (this.#last !== '') process.stderr.write('\n');
  }
}
