import type { Draw } from './draw.ts';

/** Work that yields what it did after each step, and answers at last. */
export type Steps<T> = AsyncGenerator<string, T, undefined>;

interface Call {
  line: object;
  work: Steps<unknown>;
  /** Delivers the answer or the fault, which is a step of its own: a crash may come before. */
  deliver: (() => void) | null;
  resolve(value: unknown): void;
  reject(fault: unknown): void;
  /** A signal made of others lives for as long as it is listened to. */
  release(): void;
}

/**
 * Calls across threads that are not there: what is called does its work a step at a time, when told. Calls on one line are
 * done one after the other, those on several lines in any order.
 */
export class SimCalls {
  #calls: Call[] = [];

  get waiting(): number {
    return this.#calls.length;
  }

  call<T>(line: object, work: Steps<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => {
        this.#end(call);
        reject(signal.reason);
      };
      const release = () => signal.removeEventListener('abort', onAbort);
      const call: Call = { line, work, deliver: null, resolve: resolve as Call['resolve'], reject, release };
      this.#calls.push(call);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async step(draw: Draw): Promise<string> {
    const call = draw.of(
      this.#calls.filter((one, at, all) => all.findIndex(({ line }) => line === one.line) === at),
    );
    if (call.deliver !== null) {
      this.#remove(call);
      call.deliver();
      return 'an answer arrives';
    }
    try {
      const { done, value } = await call.work.next();
      if (!done) return value;
      call.deliver = () => call.resolve(value);
      return 'is done';
    } catch (fault) {
      call.deliver = () => call.reject(fault);
      return `fails: ${fault instanceof Error ? fault.message : String(fault)}`;
    }
  }

  /** The far side of a line is gone. */
  cut(line: object, fault: Error): void {
    for (const call of this.#calls.filter((one) => one.line === line)) {
      this.#end(call);
      call.reject(fault);
    }
  }

  #end(call: Call): void {
    this.#remove(call);
    // What it holds is let go; its answer is nobody's any more.
    void call.work.return(undefined);
  }

  #remove(call: Call): void {
    this.#calls = this.#calls.filter((one) => one !== call);
    call.release();
  }

  /** All that called is gone as well. */
  forget(): void {
    for (const call of this.#calls) this.#remove(call);
  }
}
