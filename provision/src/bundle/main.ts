import { join } from 'node:path';
import { bundle, ROOT } from './bundle.ts';

/** `npm run build`: the bundle that `npm start` runs, in `dist/`. Only the native part of LevelDB stays outside. */
await bundle({
  out: join(ROOT, 'dist'),
  node: 'node24',
  require: 'import.meta.url',
  external: ['classic-level'],
});
