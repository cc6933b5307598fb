import { makeExecutables, type Wanted } from './executable.ts';

/** A process of its own for pkg, which goes by HOME and TMPDIR: `pkg-process.ts STAGE JSON`. */
const [stage, wanted] = process.argv.slice(2);
await makeExecutables(stage, JSON.parse(wanted) as Wanted[]);
