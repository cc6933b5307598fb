import { WeirError } from '@weir/node/contract';
import type { FastifyReply } from 'fastify';
import type { HttpLimits } from '../limits.ts';

type Bounds = Pick<HttpLimits, 'questionsRunning' | 'questionsWaiting' | 'questionMs'>;

/**
 * Bounds the questions that the board works on. A question whose client goes, or that takes too long, is aborted:
 * its signal stops the work in the shards, and a question that still waits never starts.
 */
export class QuestionGate {
  readonly #bounds: Bounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async ask<T>(reply: FastifyReply, question: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#waiting.length >= this.#bounds.questionsWaiting) {
      throw new WeirError('WEIR_BUSY', 'Too many questions are waiting for their turn.', {
        suggestion: 'Ask again in a second.',
      });
    }
    const control = new AbortController();
    const { signal } = control;
    const onClose = (): void => control.abort(new DOMException('The client has gone.', 'AbortError'));
    const timer = setTimeout(() => control.abort(this.#tooLong()), this.#bounds.questionMs);
    reply.raw.once('close', onClose);
    try {
      await this.#turn(signal);
      try {
        return await orAborted(question(signal), signal);
      } finally {
        this.#next();
      }
    } finally {
      clearTimeout(timer);
      reply.raw.off('close', onClose);
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#bounds.questionsRunning) {
      this.#running++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(signal.reason);
      };
      this.#waiting.push(start);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  // The place passes on without being given back, so that no newcomer slips in between.
  #next(): void {
    const start = this.#waiting.shift();
    if (start) start();
    else this.#running--;
  }

  #tooLong(): WeirError {
    return new WeirError(
      'WEIR_TOO_MUCH',
      `The answer took longer than ${this.#bounds.questionMs / 1000} s.`,
      {
        suggestion: 'Ask for a shorter range, a wider step or fewer series.',
      },
    );
  }
}

/** Not Promise.race: there the answer would live for as long as anybody holds the signal. */
async function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      abort = () => reject(signal.reason);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      answer.then(resolve, reject);
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
