import { builtinModules, createRequire } from 'node:module';
import type { Plugin } from 'esbuild';

const require = createRequire(import.meta.url);

/**
 * An ES module that imports `node:http` makes Node read everything that it exports, and with it build what is made at
 * first use: `WebSocket` alone loads a second HTTP client, 70 ms and some MB in each thread. In the bundle built-in
 * modules are asked for by `require`, which reads nothing, and only the names that are used are taken out of them: the
 * others are marked as free of effects, and the bundler drops them.
 */
export const builtinsByRequire: Plugin = {
  name: 'built-in modules by require',
  setup(build) {
    const builtin = new RegExp(`^(?:node:)?(?:${builtinModules.join('|')}|sea|sqlite|test)$`);
    build.onResolve({ filter: builtin }, ({ path, kind }) =>
      kind === 'import-statement' && (path.startsWith('node:') || builtinModules.includes(path))
        ? { path: `node:${path.replace(/^node:/, '')}`, namespace: 'built-in' }
        : null,
    );
    build.onLoad({ filter: /.*/, namespace: 'built-in' }, ({ path }) => ({
      contents: `const all = /* @__PURE__ */ require('${path}'); export default all;\n${namesOf(path)
        .map((name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})();\n`)
        .join('')}`,
      loader: 'js',
    }));
  },
};

/** Sorted, so that the bundle's bytes do not depend on an order that nobody promises. */
const namesOf = (path: string): string[] =>
  Object.keys(require(path) as object)
    .filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default')
    .sort();
