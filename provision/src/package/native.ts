import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** The name of LevelDB's native part beside the executable or the bundle. A library cannot be loaded out of a file. */
export const NATIVE = 'classic-level.node';

/**
 * classic-level looks for its native part in several directories; here there is one place. The name is computed, so
 * that the bundler leaves the call to `require`, which the banner makes relative to the executable or the bundle.
 */
const LOADER = `
const name = ['.', '${NATIVE}'].join('/');
try {
  module.exports = require(name);
} catch (cause) {
  if (cause.code !== 'MODULE_NOT_FOUND') throw cause;
  throw new Error('${NATIVE} is missing beside ' + process.execPath + '; install all files of the release.');
}
`;

export const nativeBeside: Plugin = {
  name: 'native part beside the program',
  setup(build) {
    build.onLoad({ filter: /classic-level\/binding\.js$/ }, () => ({ contents: LOADER, loader: 'js' }));
  },
};

/** Packages take their own address for a file. Inside the executable it is none, so they are told the executable's. */
export const packagesInExecutable: Plugin = {
  name: 'address of packages',
  setup(build) {
    build.onLoad({ filter: /node_modules\/.+\.m?js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!source.includes('import.meta.url')) return null;
      const contents = source.replaceAll('import.meta.url', "new URL('file://' + process.execPath).href");
      return { contents, loader: 'js' };
    });
  },
};
