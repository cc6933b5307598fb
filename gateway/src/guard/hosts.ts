import type { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { WeirError } from '@weir/node/contract';
import { quoted } from '../fault/suggest.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
const ANY = ['0.0.0.0', '::', ''];

export function isLoopback(host: string): boolean {
  return LOOPBACK.includes(host) || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Keeps foreign pages out. A page of an attacker's can make a browser ask this address in two ways: across origins,
 * which its Origin header tells, and by giving its own name this address (DNS rebinding), which the Host header tells.
 */
export class HostGuard {
  readonly #names: Set<string>;

  constructor(listenHost: string, hostnames: readonly string[]) {
    this.#names = new Set([...LOOPBACK, ...hostnames.map((name) => name.toLowerCase())]);
    if (!ANY.includes(listenHost)) this.#names.add(listenHost.toLowerCase());
    if (!isLoopback(listenHost)) {
      this.#names.add(hostname().toLowerCase());
      this.#names.add(`${hostname().toLowerCase()}.local`);
    }
  }

  /** Null when the request may go on. */
  fault(request: IncomingMessage): WeirError | null {
    const host = request.headers.host ?? '';
    const name = nameOf(host);
    if (!this.#names.has(name) && name !== localAddress(request)) {
      return new WeirError(
        'WEIR_NOT_ALLOWED',
        `This appliance does not answer to the name ${quoted(name)}.`,
        {
          field: 'host',
          suggestion: 'Use its address, or add the name to the host names of the gateway.',
        },
      );
    }
    const { origin } = request.headers;
    const isForeign = origin !== undefined && originHost(origin) !== host.toLowerCase();
    // Without an Origin a simple cross-site GET still says so here; following a link to the page itself stays allowed.
    const isCrossSite =
      request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate';
    if (!isForeign && !isCrossSite) return null;
    return new WeirError('WEIR_NOT_ALLOWED', 'Pages of other origins may not ask this appliance.', {
      field: 'origin',
    });
  }
}

function nameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}

function originHost(origin: string): string {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1].toLowerCase() ?? '';
}

// A literal address cannot be rebound: whoever names the very address that the connection came in on is welcome.
function localAddress(request: IncomingMessage): string {
  return (request.socket.localAddress ?? '').replace(/^::ffff:/, '').toLowerCase();
}
