import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      '{node,gateway,firmware-sim,ui}/src/**/*.test.{ts,tsx}',
      'test/**/*.test.ts',
      'provision/src/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
