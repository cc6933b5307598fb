import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { listShipped, placeIn, readShipped } from '@weir/node/shipped';

/** A file of the page as it goes out: plain, and as it was compressed when it was built. */
export interface PageFile {
  type: string;
  /** Its name carries a hash of its content, so it never changes. */
  hashed: boolean;
  etag: string;
  plain: Uint8Array;
  compressed: { encoding: 'br' | 'gzip'; bytes: Uint8Array }[];
}

const HASHED = /^assets\/.+-[\w-]{8,}\.\w+$/;
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/vnd.microsoft.icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/**
 * All files of the built page, by name. They are read once, a few hundred kB, so that a request touches no disk and
 * no name of a request ever becomes a path. Null when the page is not built.
 */
export function readPage(dir: string): Map<string, PageFile> | null {
  const names = new Set(namesIn(dir));
  if (!names.has('index.html')) return null;
  const files = new Map<string, PageFile>();
  for (const name of names) {
    if (/\.(?:br|gz)$/.test(name) || /(?:^|\/)\./.test(name)) continue;
    const plain = readShipped(placeIn(dir, name));
    files.set(name, {
      type: TYPES[extname(name)] ?? 'application/octet-stream',
      hashed: HASHED.test(name),
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      plain,
      compressed: [
        ...(names.has(`${name}.br`) ? [compressedAs('br', placeIn(dir, `${name}.br`))] : []),
        ...(names.has(`${name}.gz`) ? [compressedAs('gzip', placeIn(dir, `${name}.gz`))] : []),
      ],
    });
  }
  return files;
}

const compressedAs = (encoding: 'br' | 'gzip', place: string) => ({ encoding, bytes: readShipped(place) });

function namesIn(dir: string): string[] {
  try {
    return listShipped(dir);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fault;
  }
}

/** RFC 9110, 12.5.3: what is named with a weight of 0 is not wanted. */
export function accepts(header: string | undefined, encoding: string): boolean {
  return (header ?? '').split(',').some((part) => {
    const [name, ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    return name === encoding && !parameters.some((one) => /^q=0(?:\.0*)?$/.test(one));
  });
}
