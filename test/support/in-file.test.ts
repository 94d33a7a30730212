import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createEndings } from './in-file.ts';
import { repository } from './peapod.ts';
import { run } from './run.ts';

describe('what a file starts', () => {
  test('ends the newest first, waits for what is starting, and all of it although one fails', async () => {
    const { started, endAll } = createEndings();
    const ended: string[] = [];
    const { promise: late, resolve } = Promise.withResolvers<string>();
    await started(
      async () => 'first',
      async (name) => void ended.push(name),
    );
    await started(
      async () => 'bad',
      () => Promise.reject(new Error('bad end')),
    );
    await expect(
      started(
        () => Promise.reject(new Error('no start')),
        () => void ended.push('?'),
      ),
    ).rejects.toThrow();
    const starting = started(
      () => late,
      async (name) => void ended.push(name),
    );
    const ending = endAll();
    await expect(
      started(
        async () => 'too late',
        () => {},
      ),
    ).rejects.toThrow('this test file is over');
    resolve('late');
    await expect(ending).rejects.toThrow('bad end');
    expect(await starting).toBe('late');
    expect(ended).toEqual(['late', 'first']);
  });

  test('is a child that is killed, at once where the file is over', async () => {
    const { child, endAll } = createEndings();
    const children = [child(spawn('sleep', ['600']))];
    await endAll();
    children.push(child(spawn('sleep', ['600'])));
    for (const each of children)
      expect(await new Promise((resolve) => each.on('exit', (_, signal) => resolve(signal)))).toBe('SIGKILL');
  });
});

test('a hook whose time is up leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peapod-hook-'));
  const report = join(folder, 'said');
  try {
    const config = join(import.meta.dirname, 'testdata/slow-hook.config.ts');
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
    const { code, stdout, stderr } = await run([process.execPath, vitest, 'run', '--config', config], {
      env: { SAID: report },
      cwd: repository,
      timeoutMs: 90_000,
    });
    expect(code, stdout).toBe(1);
    expect(stderr).toContain('Hook timed out');
    const said = ['nothing to end for the hook of the file', 'it starts', 'it ends'];
    expect(readFileSync(report, 'utf8').trim().split('\n')).toEqual(said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
