import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** One file, as those of test/ are run. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['slow-hook.fixture.ts'],
    setupFiles: [join(import.meta.dirname, '../end-with-file.ts')],
  },
});
