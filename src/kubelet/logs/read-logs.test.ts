import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostFiles } from '../../host/files.ts';
import { hostProcesses } from '../../host/processes.ts';
import { realClock } from '../../host/real-clock.ts';
import type { Files } from '../../lib/system.ts';
import { fixedTime, parseLogEntry } from './log-line.ts';
import { type LogOptions, readLogs, tailOffset } from './read-logs.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/peapod-logs-`);
  path = `${folder}/0.log`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number): string => `2026-01-02T03:04:0${second}.5Z`;
const lines = [
  `${at(1)} stdout F one`,
  `${at(2)} stderr F two`,
  `${at(3)} stdout P thr`,
  `${at(3)} stdout F ee`,
  `${at(4)} stdout F `,
  'garbage',
  `${at(5)} stdout F five`,
];

async function read(options: LogOptions, signal?: AbortSignal, isRunning: () => Promise<boolean> = async () => false) {
  let out = '';
  for await (const chunk of readLogs({ files: hostFiles, clock: realClock, path, isRunning }, options, signal))
    out += chunk.toString();
  return out;
}

const cases: [LogOptions, string][] = [
  [{}, 'one\ntwo\nthree\n\nfive\n'],
  [{ tailLines: 0 }, ''],
  [{ tailLines: 1 }, 'five\n'],
  [{ tailLines: 3 }, '\nfive\n'],
  [{ tailLines: 99 }, 'one\ntwo\nthree\n\nfive\n'],
  [{ stream: 'stderr' }, 'two\n'],
  [{ since: Date.parse(at(4)) }, '\nfive\n'],
  [{ limitBytes: 6 }, 'one\ntw'],
  [
    { timestamps: true, stream: 'stdout', since: Date.parse(at(3)) },
    `2026-01-02T03:04:03.500000000Z three\n2026-01-02T03:04:04.500000000Z \n2026-01-02T03:04:05.500000000Z five\n`,
  ],
];
describe('a finished log', () => {
  test.each(cases)('%j', async (options, expected) => {
    await writeFile(path, `${lines.join('\n')}\n`);
    expect(await read(options)).toBe(expected);
    expect(await read({ ...options, follow: true })).toBe(expected);
  });

  test('a last line without its newline is read, too', async () => {
    await writeFile(path, lines[0]!);
    expect(await read({})).toBe('one\n');
  });

  test('what is written meanwhile is left out of a tail', async () => {
    await writeFile(path, `${lines.join('\n')}\n`);
    const files: Files = {
      ...hostFiles,
      async open(name) {
        const reader = await hostFiles.open(name);
        return {
          read: (offset, length) => reader.read(offset, length),
          close: () => reader.close(),
          async stat() {
            const found = await reader.stat();
            await appendFile(path, `${at(6)} stdout F late\n`);
            return found;
          },
        };
      },
    };
    const source = { files, clock: realClock, path, isRunning: async () => true };
    let out = '';
    for await (const chunk of readLogs(source, { tailLines: 1 })) out += chunk.toString();
    expect(out).toBe('five\n');
  });

  test('a link, a pipe or a folder in its place is not read', async () => {
    await writeFile(`${folder}/host`, `${lines[0]}\n`);
    await symlink(`${folder}/host`, path);
    await expect(read({})).rejects.toMatchObject({ code: 'ELOOP' });
    await rm(path);
    await hostProcesses.run(['mkfifo', path]);
    await expect(read({ follow: true })).rejects.toThrow('not a regular file');
    await rm(path);
    await mkdir(path);
    await expect(read({})).rejects.toThrow('not a regular file');
  });

  test('a missing file rejects', async () => {
    await expect(read({})).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('tailOffset agrees with splitting, over chunk borders', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 12 }),
      fc.nat(14),
      fc.boolean(),
      async (sizes, n, ended) => {
        const text = sizes.map((size) => 'x'.repeat(size)).join('\n') + (ended && sizes.length > 0 ? '\n' : '');
        await writeFile(path, text);
        const reader = await hostFiles.open(path);
        const all = text.split(/(?<=\n)/);
        const expected = n === 0 ? '' : all.slice(-n).join('');
        const offset = await tailOffset(reader, text.length, n);
        await reader.close();
        expect(text.slice(offset)).toBe(expected);
      },
    ),
    { numRuns: 60 },
  );
});

test('following goes on where nothing can be watched any more', async () => {
  await writeFile(path, `${at(1)} stdout F a\n`);
  let running = true;
  let out = '';
  const files: Files = {
    ...hostFiles,
    watch() {
      throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
    },
  };
  const done = (async () => {
    const source = { files, clock: realClock, path, isRunning: async () => running };
    for await (const chunk of readLogs(source, { follow: true })) out += chunk.toString();
  })();
  await expect.poll(() => out).toBe('a\n');
  await appendFile(path, `${at(2)} stdout F b\n`);
  running = false;
  await done;
  expect(out).toBe('a\nb\n');
});

test('following sees what is appended, through a rotation, until the container ends', async () => {
  await writeFile(path, `${at(1)} stdout F a\n`);
  let running = true;
  let out = '';
  const done = (async () => {
    const source = { files: hostFiles, clock: realClock, path, isRunning: async () => running };
    for await (const chunk of readLogs(source, { follow: true })) out += chunk.toString();
  })();
  await expect.poll(() => out).toBe('a\n');
  await appendFile(path, `${at(2)} stdout F b\n${at(2)} stdout F hal`);
  await expect.poll(() => out).toBe('a\nb\n');
  await appendFile(path, 'f\n');
  await expect.poll(() => out).toBe('a\nb\nhalf\n');
  await rename(path, `${path}.1`);
  await writeFile(path, `${at(3)} stdout F c\n`);
  await expect.poll(() => out).toBe('a\nb\nhalf\nc\n');
  await appendFile(path, `${at(4)} stdout F last\n`);
  running = false;
  await done;
  expect(out).toBe('a\nb\nhalf\nc\nlast\n');
});

test('following loses nothing that was written just before a rotation', async () => {
  await writeFile(path, `${at(1)} stdout F a\n`);
  let looks = 0;
  const stat: Files['stat'] = async (file) => {
    if (++looks === 1) {
      await appendFile(path, `${at(2)} stdout F late\n`);
      await rename(path, `${path}.1`);
      await writeFile(path, `${at(3)} stdout F new\n`);
    }
    return hostFiles.stat(file);
  };
  const source = { files: { ...hostFiles, stat }, clock: realClock, path, isRunning: async () => false };
  let out = '';
  for await (const chunk of readLogs(source, { follow: true })) out += chunk.toString();
  expect(out).toBe('a\nlate\nnew\n');
});

test('following ends when aborted', async () => {
  await writeFile(path, `${at(1)} stdout F a\n`);
  const stop = new AbortController();
  const reading = read({ follow: true }, stop.signal, async () => true);
  setTimeout(() => stop.abort(), 30);
  expect(await reading).toBe('a\n');
});

test.each([
  ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000000Z'],
  ['2026-01-02T03:04:05.12+02:00', '2026-01-02T03:04:05.120000000+02:00'],
  ['nonsense', 'nonsense'],
])('fixedTime(%s)', (time, expected) => expect(fixedTime(time)).toBe(expected));

test('no input breaks the parser', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseLogEntry(Buffer.from(bytes))));
});
