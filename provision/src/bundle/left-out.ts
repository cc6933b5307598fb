import type { Plugin } from 'esbuild';

/**
 * Fastify's own compilers of schemas (Ajv, fast-json-stringify: 400 kB). `gateway/src/app.ts` gives it others, and Fastify
 * asks for these only where it was given none. Whoever changes that meets this text.
 */
const LEFT_OUT = /^@fastify\/(?:ajv-compiler|fast-json-stringify-compiler)$/;

export const leftOut: Plugin = {
  name: 'left out',
  setup(build) {
    build.onResolve({ filter: LEFT_OUT }, ({ path }) => ({ path, namespace: 'left-out' }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: `module.exports = () => { throw new Error('${path} is left out of the bundle'); };`,
      loader: 'js',
    }));
  },
};
