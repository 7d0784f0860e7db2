import { defineConfig } from 'vitest/config';

// Tests run from source: `x-source` is the condition under which every
// workspace package points at its own `src`.
const resolve = { conditions: ['x-source', 'node', 'import', 'module', 'default'] };
const ssr = { resolve: { conditions: resolve.conditions, externalConditions: resolve.conditions } };

export default defineConfig({
  resolve,
  ssr,
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: ['{packages,plugins}/*/src/**/*.test.ts', 'proto/src/**/*.test.ts'],
          exclude: ['**/dist/**', '**/node_modules/**'],
          // What ends a test that hangs, not what makes a busy machine a failure.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'repo',
          include: ['tools/repo-check/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'e2e',
          include: ['e2e/cases/**/*.test.ts'],
          globalSetup: ['e2e/harness/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 60_000 } },
          fileParallelism: false,
        },
      },
    ],
  },
});
