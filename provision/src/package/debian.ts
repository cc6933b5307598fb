import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT } from '../bundle/bundle.ts';
import { filesBelow } from './files-below.ts';
import { readLockfile } from './lockfile.ts';
import { componentsOf } from './sbom.ts';
import type { Target } from './targets.ts';

/** What a Debian package holds besides the program. */
export interface Documents {
  version: string;
  man: string;
  completions: Record<'bash' | 'zsh' | 'fish', string>;
}

export interface DebianPackage {
  target: Target;
  /** What goes to `/usr/lib/weir`. */
  program: string;
  documents: Documents;
  epoch: number;
  /** What `dpkg-deb` takes: a small package, or one that is made quickly. */
  compression: string[];
  out: string;
}

/** The usual one: 30 MB instead of 131, and a minute and a half of a processor for it. */
export const SMALL = ['-Zxz', '-z6'];
export const QUICK = ['-Zgzip', '-z1'];

const LIBRARIES = 'libc6 (>= 2.28), libstdc++6 (>= 8), libgcc-s1';
const FROM_DEBIAN = join(ROOT, 'provision', 'debian');

/** On 32-bit ARM the program is plain files for Debian's Node; elsewhere the executable is the program. */
const LAUNCHER = `#!/bin/sh
# Bounds on what V8 and the C library keep for later.
exec env MALLOC_ARENA_MAX="\${MALLOC_ARENA_MAX:-1}" MALLOC_MMAP_THRESHOLD_="\${MALLOC_MMAP_THRESHOLD_:-65536}" /usr/bin/node --max-semi-space-size=4 --disable-warning=ExperimentalWarning /usr/lib/weir/app/weir.mjs "$@"
`;

/** Lays out the file system of the package in a directory and has dpkg-deb pack it, with every time the same. */
export function makeDebianPackage(
  { target, program, documents, epoch, compression, out }: DebianPackage,
  work: string,
): void {
  const root = join(work, `deb-${target.debian}`);
  const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), mode);
  };
  const shipped = (name: string) => readFileSync(join(FROM_DEBIAN, name));
  cpSync(program, join(root, 'usr/lib/weir'), {
    recursive: true,
    filter: (path) => basename(path) !== 'LICENSE',
  });
  if (target.oneFile) {
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    symlinkSync('../lib/weir/weir', join(root, 'usr/bin/weir'));
  } else put('usr/bin/weir', LAUNCHER, 0o755);
  put('usr/lib/systemd/system/weir.service', shipped('weir.service'));
  put('etc/default/weir', shipped('weir.default'));
  put('etc/weir/site.yaml', readFileSync(join(ROOT, 'node/sites/utility.yaml')));
  put('usr/share/man/man1/weir.1.gz', gzipSync(documents.man, { level: 9 }));
  put('usr/share/bash-completion/completions/weir', documents.completions.bash);
  put('usr/share/zsh/vendor-completions/_weir', documents.completions.zsh);
  put('usr/share/fish/vendor_completions.d/weir.fish', documents.completions.fish);
  put('usr/share/doc/weir/changelog.gz', gzipSync(readFileSync(join(ROOT, 'CHANGELOG.md')), { level: 9 }));
  put('usr/share/doc/weir/copyright', copyright());
  put('DEBIAN/control', control(target, documents.version, sizeKiB(root)));
  put('DEBIAN/conffiles', '/etc/default/weir\n/etc/weir/site.yaml\n');
  for (const script of ['postinst', 'prerm', 'postrm']) put(`DEBIAN/${script}`, shipped(script), 0o755);
  plainModes(root);
  execFileSync(
    'env',
    [
      `SOURCE_DATE_EPOCH=${epoch}`,
      'dpkg-deb',
      '--root-owner-group',
      // Its blocks are of one size however many work on them, so the bytes are the same on any machine.
      '--threads-max=4',
      ...compression,
      '--build',
      root,
      out,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** What this user's umask was must not show in the package. */
function plainModes(root: string): void {
  execFileSync('find', [root, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);
  execFileSync('find', [root, '-type', 'f', '-perm', '/111', '-exec', 'chmod', '755', '{}', '+']);
  execFileSync('find', [root, '-type', 'f', '!', '-perm', '/111', '-exec', 'chmod', '644', '{}', '+']);
}

function sizeKiB(root: string): number {
  const bytes = filesBelow(root).map((file) => Math.ceil(readFileSync(join(root, file)).length / 1024));
  return bytes.reduce((sum, kib) => sum + kib, 0);
}

function control({ debian, oneFile }: Target, version: string, kib: number): string {
  const depends = oneFile ? LIBRARIES : `nodejs (>= 20.19), ${LIBRARIES}`;
  return `Package: weir
Version: ${version}
Architecture: ${debian}
Maintainer: The Weir authors <weir@localhost>
Installed-Size: ${kib}
Depends: ${depends}, passwd, init-system-helpers (>= 1.51)
Recommends: systemd, chrony | systemd-timesyncd
Suggests: mosquitto-clients
Section: net
Priority: optional
Description: takes readings over MQTT, counts them and shows them on the LAN
 Weir turns one board into an appliance that takes readings over MQTT, makes
 each durable before it is acknowledged, counts it in event time into tiers
 that forget, and shows the counts while they happen.
`;
}

/** Of Weir, of Node and of every package inside, as the lockfile names their licences. */
function copyright(): string {
  const parts = componentsOf(readLockfile()).map(({ name, version, licenses }) => {
    const [first] = licenses;
    const name_ =
      'expression' in first
        ? first.expression
        : 'id' in first.license
          ? first.license.id
          : first.license.name;
    return `  ${name} ${version}: ${name_}\n`;
  });
  return `Weir is under the Apache License, Version 2.0; on Debian systems its text is in
/usr/share/common-licenses/Apache-2.0.

It contains these works of others, under their own licences:

${parts.join('')}`;
}
