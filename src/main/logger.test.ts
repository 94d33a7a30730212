import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

test.runIf(existsSync('/dev/full'))('a log that cannot be written neither ends the process nor keeps it', async () => {
  const script = `
    const { fileLogger } = await import(${JSON.stringify(new URL('logger.ts', import.meta.url).href)});
    const logger = fileLogger('/dev/full', 'info');
    for (let i = 0; i < 5; i++) {
      logger.info('a line');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    console.log('alive');
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await expect.poll(() => said, { timeout: 5000 }).toBe('alive\n');
    await expect.poll(() => child.exitCode, { timeout: 5000 }).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});
