import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LiveStream } from './live-stream.ts';

/** Stands in for the browser's own: the test decides what happens to the connection. */
class StubSource {
  static all: StubSource[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  isClosed = false;
  #onChange: ((event: { data: string }) => void) | null = null;

  constructor() {
    StubSource.all.push(this);
  }

  addEventListener(_kind: string, onChange: (event: { data: string }) => void): void {
    this.#onChange = onChange;
  }

  tell(data: unknown): void {
    this.#onChange?.({ data: JSON.stringify(data) });
  }

  close(): void {
    this.isClosed = true;
  }
}

const listener = () => ({ onOpen: vi.fn(), onChange: vi.fn(), onLost: vi.fn() });
const newest = (): StubSource => StubSource.all[StubSource.all.length - 1];
const openOnes = (): number => StubSource.all.filter((source) => !source.isClosed).length;

beforeEach(() => {
  StubSource.all = [];
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', StubSource);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the live stream', () => {
  test('comes back after each loss, later and later, with one connection at most', () => {
    const heard = listener();
    const stream = new LiveStream('/live', heard);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      newest().onerror?.();
      waits.push(heard.onLost.mock.lastCall?.[0]);
      expect(openOnes()).toBe(0);
      vi.advanceTimersByTime(60_000);
      expect(openOnes()).toBe(1);
    }
    expect(waits[0]).toBeLessThan(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000 * 1.25);
    stream.close();
  });

  test('is quick again after it was open', () => {
    const heard = listener();
    const stream = new LiveStream('/live', heard);
    for (let i = 0; i < 8; i++) {
      newest().onerror?.();
      vi.advanceTimersByTime(60_000);
    }
    newest().onopen?.();
    newest().onerror?.();
    expect(heard.onLost.mock.lastCall?.[0]).toBeLessThan(1_000);
    stream.close();
  });

  test('that says nothing for a minute is opened anew', () => {
    const heard = listener();
    const stream = new LiveStream('/live', heard);
    newest().onopen?.();
    vi.advanceTimersByTime(59_000);
    newest().tell({ rollup: 'usage' });
    expect(heard.onChange).toHaveBeenCalledWith({ rollup: 'usage' });
    vi.advanceTimersByTime(59_000);
    expect(StubSource.all.length).toBe(1);
    vi.advanceTimersByTime(2_000);
    expect(StubSource.all.length).toBe(2);
    expect(openOnes()).toBe(1);
    stream.close();
  });

  test('that is closed stays closed', () => {
    const stream = new LiveStream('/live', listener());
    newest().onerror?.();
    stream.close();
    vi.advanceTimersByTime(600_000);
    expect(StubSource.all.length).toBe(1);
    expect(openOnes()).toBe(0);
  });
});
