import { registerHooks } from 'node:module';
import { getAsset } from 'node:sea';
import { constants, Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/**
 * What the one executable runs first, in each of its threads. Its modules lie inside it as assets, under the same names
 * as in a directory, and Node's own module loader takes them from there: `sea:///weir.mjs` imports `./chunk-X.mjs`.
 * So the bundle is the same as on a disk, a thread loads only what it needs, and no file system is imitated.
 */
const SCHEME = 'sea:';

registerHooks({
  resolve(specifier, context, next) {
    const inside = specifier.startsWith(SCHEME) || specifier.startsWith('.');
    if (!inside || (specifier.startsWith('.') && !context.parentURL?.startsWith(SCHEME)))
      return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  },
  load(url, context, next) {
    if (!url.startsWith(SCHEME)) return next(url, context);
    const source = getAsset(new URL(url).pathname.slice(1), 'utf8');
    return { format: 'module', source, shortCircuit: true };
  },
});

// The executable's own script may import built-in modules only; a script with this option goes to the usual loader.
const load = new Script('(url) => import(url)', {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}).runInThisContext() as (url: string) => Promise<unknown>;

/** Nobody catches it: a program that cannot load ends with the stack of its fault. */
void load(isMainThread ? 'sea:///weir.mjs' : process.argv[2]);
