import { beforeEach, expect, it } from 'vitest';
import type { Files, Processes } from '../lib/system.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { readSubordinateIds } from './subordinate-ids.ts';

const answer = (stdout: string, exitCode = 0) => ({ exitCode, stdout, stderr: exitCode === 0 ? '' : 'no such entry' });
const told = '0: kubelet 65536 7208960\n';
let files: Files;
let ran: string[];
let groups: ReturnType<typeof answer>;
const processes: Processes = {
  run: async (argv) => {
    ran.push(argv.join(' '));
    return argv.includes('-g') ? groups : answer(told);
  },
};
const read = (): Promise<string | undefined> => readSubordinateIds(files, processes, '/sbin:/usr/bin');

beforeEach(async () => {
  ran = [];
  groups = answer(told);
  files = createMemoryFiles();
  await files.mkdir('/etc');
  await files.mkdir('/usr/bin', { recursive: true });
  await files.writeFile('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nkubelet:x:999:999::/:/bin/false\n');
  await files.writeFile('/usr/bin/getsubids', '');
});

it('tells what is set aside for the kubelet', async () => {
  expect(await read()).toBe(told);
  expect(ran).toEqual(['getsubids kubelet', 'getsubids -g kubelet']);
});
it('asks nobody where there is no such user', async () => {
  await files.writeFile('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nkubelets:x:1:1::/:\n');
  expect(await read()).toBeUndefined();
  expect(ran).toEqual([]);
});
it('has nothing to say without the program', async () => {
  await files.unlink('/usr/bin/getsubids');
  expect(await read()).toBeUndefined();
});
it('fails where users and groups differ, or one of them has no answer', async () => {
  groups = answer('0: kubelet 131072 7208960\n');
  await expect(read()).rejects.toThrow('mismatched subuids and subgids for user "kubelet"');
  groups = answer('', 1);
  await expect(read()).rejects.toThrow('no such entry');
});
