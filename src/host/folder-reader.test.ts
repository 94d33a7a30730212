import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostFolder } from './folder-reader.ts';
import { hostProcesses } from './processes.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/peapod-folder-`);
  mkdirSync(`${dir}/log/apt`, { recursive: true });
  writeFileSync(`${dir}/log/apt/history`, 'inside');
  writeFileSync(`${dir}/secret`, 'outside');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A folder's names, a file's text, or undefined. */
async function look(...parts: string[]): Promise<string[] | string | undefined> {
  const found = await hostFolder(`${dir}/log`).look(parts);
  if (found === undefined) return undefined;
  if ('entries' in found) return found.entries.toSorted();
  const text = (await found.file.read(0, 100)).toString();
  await found.file.close();
  return text;
}

// It walks by /proc.
describe.skipIf(process.platform !== 'linux')('hostFolder', () => {
  it('shows folders and files', async () => {
    expect(await look()).toEqual(['apt/']);
    expect(await look('apt')).toEqual(['history']);
    expect(await look('apt', 'history')).toBe('inside');
    expect(await look('nothing')).toBeUndefined();
    expect(await look('apt', 'history', 'x')).toBeUndefined();
    expect(await hostFolder(`${dir}/none`).look([])).toBeUndefined();
  });

  it('follows links inside, and none that lead out', async () => {
    symlinkSync('apt/history', `${dir}/log/current`);
    symlinkSync(`${dir}/secret`, `${dir}/log/absolute`);
    symlinkSync('../secret', `${dir}/log/relative`);
    symlinkSync('..', `${dir}/log/up`);
    symlinkSync('loop', `${dir}/log/loop`);
    expect(await look('current')).toBe('inside');
    expect(await look('absolute')).toBeUndefined();
    expect(await look('relative')).toBeUndefined();
    expect(await look('up', 'secret')).toBeUndefined();
    expect(await look('loop')).toBeUndefined();
    expect(await look('..', 'secret')).toBeUndefined();
  });

  it('waits for no pipe', async () => {
    await hostProcesses.run(['mkfifo', `${dir}/log/pipe`]);
    expect(await look('pipe')).toBeUndefined();
  });

  it('never shows what is outside while a link comes and goes', async () => {
    const seen = new Set<string | string[] | undefined>();
    let ended = false;
    const swap = async (): Promise<void> => {
      while (!ended) {
        renameSync(`${dir}/log/apt`, `${dir}/log/real`);
        symlinkSync('..', `${dir}/log/apt`);
        await new Promise(setImmediate);
        unlinkSync(`${dir}/log/apt`);
        renameSync(`${dir}/log/real`, `${dir}/log/apt`);
        await new Promise(setImmediate);
      }
    };
    const swapping = swap();
    for (let i = 0; i < 300; i++) {
      seen.add(await look('apt', 'secret'));
      seen.add(await look('apt', 'history'));
    }
    ended = true;
    await swapping;
    expect(seen).not.toContain('outside');
    expect(seen).toContain('inside');
  });
});
