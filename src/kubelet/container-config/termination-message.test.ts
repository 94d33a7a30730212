import { beforeEach, describe, expect, it } from 'vitest';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { limitTerminationMessage, readTerminationMessage } from './termination-message.ts';

let files: Files;
beforeEach(async () => {
  files = createMemoryFiles();
  await files.mkdir('/pods');
});

const read = (policy = 'File', exitCode = 1, path = '/dev/termination-log'): Promise<string> =>
  readTerminationMessage(files, {
    status: {
      mounts: [{ containerPath: '/dev/termination-log', hostPath: '/pods/message' }],
      exitCode,
      logPath: '/pods/0.log',
    },
    terminationMessagePath: path,
    terminationMessagePolicy: policy,
  });
const line = (text: string, tag = 'F'): string => `2026-01-02T03:04:05.678901234Z stdout ${tag} ${text}\n`;

describe('readTerminationMessage', () => {
  it('gives the file', async () => {
    await files.writeFile('/pods/message', 'out of disk\n');
    expect(await read()).toBe('out of disk\n');
  });
  it('gives the file also where the path is told from no root', async () => {
    await files.writeFile('/pods/message', 'out of disk');
    expect(await read('File', 1, 'dev/termination-log')).toBe('out of disk');
  });
  it('gives the last 4096 bytes of a long one', async () => {
    await files.writeFile('/pods/message', `${'a'.repeat(5000)}end`);
    expect(await read()).toBe(`${'a'.repeat(4093)}end`);
  });
  it.each([
    ['File', 1, ''],
    ['FallbackToLogsOnError', 0, ''],
    ['FallbackToLogsOnError', 1, 'first\nsecond\n'],
  ])('without a file, policy %s and exit code %i: %j', async (policy, exitCode, expected) => {
    await files.writeFile('/pods/0.log', line('first') + line('sec', 'P') + line('ond'));
    expect(await read(policy, exitCode)).toBe(expected);
  });
  it('falls back when the file is empty or no path is set', async () => {
    await files.writeFile('/pods/message', '');
    await files.writeFile('/pods/0.log', line('bye'));
    expect(await read('FallbackToLogsOnError')).toBe('bye\n');
    expect(await read('FallbackToLogsOnError', 1, '')).toBe('bye\n');
  });
  it('prefers the file to the log', async () => {
    await files.writeFile('/pods/message', 'mine');
    await files.writeFile('/pods/0.log', line('bye'));
    expect(await read('FallbackToLogsOnError')).toBe('mine');
  });
  it('takes at most 80 lines and 2048 bytes of the log', async () => {
    await files.writeFile('/pods/0.log', Array.from({ length: 100 }, (_, i) => line(`l${i}`)).join(''));
    expect((await read('FallbackToLogsOnError')).split('\n')[0]).toBe('l20');
    await files.writeFile('/pods/0.log', line('ü'.repeat(5000)));
    const long = await read('FallbackToLogsOnError');
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(2050);
    expect(long.endsWith('üü\n')).toBe(true);
  });
  it('leaves out a line that is cut', async () => {
    await files.writeFile('/pods/0.log', line('x'.repeat(80_000)) + line('last') + '2026-01-02T03');
    expect(await read('FallbackToLogsOnError')).toBe('last\n');
  });
  it('never follows a link', async () => {
    await files.writeFile('/pods/secret', 'of the host');
    await files.symlink('/pods/secret', '/pods/message');
    expect(await read()).toBe('Error on reading termination log /pods/message: not a regular file: /pods/message');
  });
});

it('shares 12 KiB among the containers', () => {
  expect(limitTerminationMessage('x'.repeat(4096), 3)).toHaveLength(4096);
  expect(limitTerminationMessage('x'.repeat(4096), 6)).toHaveLength(2048);
  expect(limitTerminationMessage('short', 100)).toBe('short');
});
