import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openCgroupReader, parsePressure } from './cgroup-usage.ts';
import type { MountEntry } from './mounts.ts';
import { parseInterfaces, readMachineUsage, readOwnUsage } from './node-usage.ts';
import { hostProcesses } from './processes.ts';
import { measureTrees } from './tree-usage.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(`${tmpdir()}/peapod-usage-`);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = async (path: string, files: Record<string, string>): Promise<void> => {
  await mkdir(`${root}${path}`, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(`${root}${path}/${name}`, text);
};
const mount = (name: string, fsType: string): MountEntry => ({
  mountPoint: `/sys/fs/cgroup/../../..${root}${name}`,
  root: '/',
  fsType,
  source: fsType,
  shared: false,
});

test('version 2', async () => {
  await put('/pods/a', {
    'cpu.stat': 'usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n',
    'memory.current': '5000\n',
    'memory.stat': 'anon 1000\nfile 3000\ninactive_file 2000\nfile_mapped 10\npgfault 7\npgmajfault 1\n',
    'memory.max': 'max\n',
    'memory.swap.current': '12\n',
    'memory.swap.max': '100\n',
    'cpu.pressure': 'some avg10=1.50 avg60=0.20 avg300=0.00 total=123\n',
    'cgroup.procs': '10\n11\n',
  });
  await put('/pods/a/inner', { 'cgroup.procs': '12\n' });
  const reader = await openCgroupReader([mount('', 'cgroup2')]);
  expect(await reader?.usage('/pods/none')).toBeUndefined();
  expect(await reader?.usage('/pods/a')).toEqual({
    cpu: { totalNs: 3e6, userNs: 2e6, systemNs: 1e6, periods: 5, throttledPeriods: 2, throttledNs: 7000 },
    memory: {
      usage: 5000,
      workingSet: 3000,
      rss: 1000,
      cache: 3000,
      mappedFile: 10,
      pageFaults: 7,
      majorPageFaults: 1,
    },
    swap: { usage: 12, limit: 100 },
    processes: 3,
    pressure: {
      cpu: {
        some: { avg10: 1.5, avg60: 0.2, avg300: 0, total: 123 },
        full: { avg10: 0, avg60: 0, avg300: 0, total: 0 },
      },
    },
  });
});

test('version 1, with and without a limit', async () => {
  const usual = {
    'memory.usage_in_bytes': '5000\n',
    'memory.stat': 'rss 1\ntotal_rss 1000\ntotal_cache 3000\ntotal_inactive_file 6000\ntotal_pgfault 7\n',
    'cgroup.procs': '10\n',
  };
  await put('/memory/a', { ...usual, 'memory.limit_in_bytes': '9223372036854771712\n' });
  await put('/memory/b', { ...usual, 'memory.limit_in_bytes': '65536\n' });
  for (const name of ['a', 'b'])
    await put(`/cpu,cpuacct/${name}`, {
      'cpuacct.usage': '42\n',
      'cpuacct.stat': 'user 3\nsystem 4\n',
      'cpu.stat': 'nr_periods 1\nnr_throttled 1\nthrottled_time 9\n',
    });
  // Only what comes behind the last slash names the controllers.
  const reader = await openCgroupReader([mount('/memory', 'cgroup'), mount('/cpu,cpuacct', 'cgroup')]);
  const usage = await reader?.usage('/a');
  expect(usage?.cpu).toEqual({
    totalNs: 42,
    userNs: 30_000_000,
    systemNs: 40_000_000,
    periods: 1,
    throttledPeriods: 1,
    throttledNs: 9,
  });
  expect(usage?.memory).toMatchObject({ usage: 5000, workingSet: 0, rss: 1000, cache: 3000 });
  expect(usage?.memory.limit).toBeUndefined();
  expect(usage?.swap).toBeUndefined();
  expect((await reader?.usage('/b'))?.memory.limit).toBe(65_536);
});

test('reads of many groups give way to others', async () => {
  for (let i = 0; i < 300; i++)
    await put(`/many/${i}`, { 'memory.current': '5\n', 'memory.stat': 'anon 1\n'.repeat(40), 'cpu.stat': '' });
  const reader = await openCgroupReader([mount('', 'cgroup2')]);
  let turns = 0;
  let done = false;
  const tick = (): void => {
    turns++;
    if (!done) setImmediate(tick);
  };
  setImmediate(tick);
  const all = await Promise.all(Array.from({ length: 300 }, async (_, i) => reader?.usage(`/many/${i}`)));
  done = true;
  expect(all.every((usage) => usage?.memory.usage === 5)).toBe(true);
  // Three hundred take longer than a slice on any machine.
  expect(turns).toBeGreaterThan(1);
});

test('text that is no pressure is none', () => expect(parsePressure('')).toBeUndefined());

test('interfaces', () => {
  const text =
    'Inter-| Receive\n face |bytes\n    lo: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n  eth0:11 12 13 14 0 0 0 0 15 16 17 18 0 0 0 0\n';
  expect(parseInterfaces(text)[1]).toEqual({
    name: 'eth0',
    rxBytes: 11,
    rxPackets: 12,
    rxErrors: 13,
    rxDropped: 14,
    txBytes: 15,
    txPackets: 16,
    txErrors: 17,
    txDropped: 18,
  });
});

test.runIf(process.platform === 'linux')('this machine', async () => {
  const usage = await readMachineUsage();
  expect(usage.memory.workingSet).toBeGreaterThan(0);
  expect(usage.memory.workingSet).toBeLessThanOrEqual(usage.memory.usage);
  expect(usage.memory.usage).toBeLessThan(usage.memory.total);
  expect(usage.cpuTotalNs).toBeGreaterThan(0);
  expect(usage.bootedAt).toBeLessThan(Date.now());
  expect(usage.pids.running).toBeGreaterThan(0);
  expect(usage.pids.max).toBeGreaterThan(usage.pids.running);
  expect(readOwnUsage().rss).toBeGreaterThan(1e6);
});

test.runIf(process.platform === 'linux')('trees: links are not followed, what is missing is left out', async () => {
  await put('/tree/below', { big: 'x'.repeat(100_000) });
  await put('/outside', { huge: 'x'.repeat(1_000_000) });
  const { symlink, link } = await import('node:fs/promises');
  await symlink(`${root}/outside`, `${root}/tree/way-out`);
  await link(`${root}/tree/below/big`, `${root}/tree/again`);
  const found = await measureTrees(hostProcesses, [`${root}/tree`, `${root}/none`], 10_000);
  expect([...found.keys()]).toEqual([`${root}/tree`]);
  const tree = found.get(`${root}/tree`);
  expect(tree?.inodes).toBe(4);
  expect(tree?.bytes).toBeGreaterThanOrEqual(100_000);
  expect(tree?.bytes).toBeLessThan(200_000);
});

test('a program that does not come back gives nothing', async () => {
  const run = vi.fn(async () => Promise.reject(new Error('did not end within 1 ms')));
  expect((await measureTrees({ run }, ['/a'], 1)).size).toBe(0);
});
