import { defineConfig } from 'vitest/config';

/** They look at what all of the machine has: no other test may run beside them. */
const alone = ['test/e2e/two-instances.test.ts'];

/** Hooks start real servers, and some fetch packages first: on a busy machine that takes its time. */
const real = { setupFiles: ['test/support/end-with-file.ts'], testTimeout: 120_000, hookTimeout: 300_000 };

// Three projects: `unit` runs beside the code in parallel; `e2e` starts real servers and containers, two files at a time, since most of
// their time is waiting; `alone` one file at a time.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          ...real,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          ...real,
          fileParallelism: false,
          maxWorkers: 1,
        },
      },
    ],
  },
});
