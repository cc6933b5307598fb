import { Agent, request } from 'node:http';
import { WeirError } from '@weir/node/contract';

const TIMEOUT_MS = 60_000;

/** Keeps its connections, since benchmarks ask thousands of times. */
export class HttpClient {
  readonly #base: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(base: string) {
    this.#base = base;
  }

  async json<T>(path: string): Promise<T> {
    return JSON.parse(await this.text('GET', path)) as T;
  }

  /** The body of a 2xx answer; anything else rejects with the server's words. */
  text(method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(
        new URL(path, this.#base),
        { method, agent: this.#agent, timeout: TIMEOUT_MS, headers: { 'content-length': body?.length ?? 0 } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const status = answer.statusCode ?? 0;
            if (status >= 200 && status < 300) resolve(text);
            else
              reject(new WeirError('WEIR_UNREACHABLE', `${path} answers ${status}: ${text.slice(0, 200)}`));
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error(`${path} does not answer`)));
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** Whether anything but a refusal comes back. */
  async answers(path: string): Promise<boolean> {
    try {
      await this.text('GET', path);
      return true;
    } catch {
      // Not up yet is an answer here, and the caller bounds how often it asks.
      return false;
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
