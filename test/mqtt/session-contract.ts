import { createRequire } from 'node:module';
import { test } from 'node:test';
import { SessionStore } from '../../node/src/broker/aedes/session-store.ts';

/** The contract suite that aedes-persistence ships, over our store. It is written for node's own test runner. */
const require = createRequire(new URL('../../node/package.json', import.meta.url));
const suite = require('aedes-persistence/abstract.js') as (options: object) => void;

suite({
  test,
  testAsync: true,
  persistence: () => new SessionStore({ disk: null, nowMs: () => Date.now(), refused() {} }),
});
