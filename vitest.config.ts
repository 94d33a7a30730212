import { defineConfig } from 'vitest/config';

/** They look at what all of the machine has: no other test may run beside them. */
const alone = ['test/e2e/two-instances.test.ts'];

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
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          maxWorkers: 1,
        },
      },
    ],
  },
});
