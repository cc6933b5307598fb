import { createHash } from 'node:crypto';
import { type Locked, type Lockfile, readLockfile } from './lockfile.ts';

/**
 * The bill of materials in CycloneDX 1.6: what the lockfile installs for a board, with the integrity that npm checked,
 * and Node itself. What only builds or tests Weir is not in a release and not in its bill.
 */
export interface Bill {
  bomFormat: 'CycloneDX';
  specVersion: '1.6';
  serialNumber: string;
  version: 1;
  metadata: { timestamp: string; component: Component };
  components: Component[];
}

interface Component {
  type: 'application' | 'library' | 'platform';
  'bom-ref': string;
  name: string;
  version: string;
  purl?: string;
  licenses: { license: { id: string } | { name: string } }[] | { expression: string }[];
  hashes?: { alg: string; content: string }[];
}

const NODE = /^node-linux-/;
const ALGORITHMS: Record<string, string> = { sha1: 'SHA-1', sha256: 'SHA-256', sha512: 'SHA-512' };

export function billOf(version: string, license: string, epochSeconds: number): Bill {
  const components = componentsOf(readLockfile());
  const component: Component = {
    type: 'application',
    'bom-ref': `weir@${version}`,
    name: 'weir',
    version,
    licenses: licensesOf(license),
  };
  const identity = JSON.stringify([component, components]);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(identity)}`,
    version: 1,
    metadata: { timestamp: new Date(epochSeconds * 1000).toISOString(), component },
    components,
  };
}

export function componentsOf({ packages }: Lockfile): Component[] {
  const byRef = new Map<string, Component>();
  for (const [path, locked] of Object.entries(packages)) {
    const at = path.lastIndexOf('node_modules/');
    if (at < 0 || locked.dev || locked.link || !locked.version) continue;
    const component = componentOf(locked.name ?? path.slice(at + 'node_modules/'.length), locked);
    byRef.set(component['bom-ref'], component);
  }
  return [...byRef.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
}

function componentOf(name: string, { version = '', license, integrity }: Locked): Component {
  const purl = `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
  return {
    type: NODE.test(name) ? 'platform' : 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    licenses: licensesOf(license ?? 'unknown'),
    ...(integrity ? { hashes: hashesOf(integrity) } : {}),
  };
}

const licensesOf = (license: string): Component['licenses'] =>
  / (?:OR|AND) /.test(license)
    ? [{ expression: license }]
    : [{ license: license === 'unknown' ? { name: license } : { id: license } }];

/** npm's `sha512-…` in base64; CycloneDX wants hexadecimal digits. */
function hashesOf(integrity: string): { alg: string; content: string }[] {
  return integrity.split(' ').map((one) => {
    const [algorithm, digest] = one.split(/-(.*)/s);
    return {
      alg: ALGORITHMS[algorithm] ?? algorithm,
      content: Buffer.from(digest, 'base64').toString('hex'),
    };
  });
}

/** A name-based UUID (RFC 9562, version 8): the same content has the same number in every build. */
function uuidOf(identity: string): string {
  const bytes = createHash('sha256').update(identity).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
