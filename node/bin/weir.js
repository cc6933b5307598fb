#!/usr/bin/env node
// npm links the bins of workspaces, not of the root. This launcher runs on whatever Node called it and goes on
// under the pinned Node 24, where TypeScript runs as it is.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function pinnedNode() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const binary = join(dirname(manifest), 'bin', 'node');
    if (existsSync(binary)) return binary;
  } catch (cause) {
    if (cause.code !== 'MODULE_NOT_FOUND') throw cause;
  }
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  process.stderr.write(
    `weir needs Node 24; this is ${process.version}. Run npm ci again, or install Node 24.\n`,
  );
  process.exit(1);
}

// Bounds on what V8 and the C library keep for later: 150 MB on a board with 2 GB. Arrays that were given back go back
// to the system (the C library raises its threshold for that by itself, up to 32 MB, unless it is set).
const flags = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];
const env = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', ...process.env };
const child = spawn(pinnedNode(), [...flags, join(root, 'weir.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env,
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
