// Both versions on folders that stand for the kernel's: which file is told what, and what is read back.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CgroupLimits, cgroupsV1, cgroupsV2, cpuSharesOf, cpuWeightOf } from './cgroups.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroups-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const file = (path: string): string | undefined =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const limits: CgroupLimits = {
  cpuShares: 512,
  cpuQuotaMicros: 50_000,
  memoryBytes: 1_048_576,
  pids: 100,
  hugepages: [{ pageSize: '2MB', limit: 4_194_304 }],
};

describe('version 2', () => {
  test('tells the unified files', async () => {
    const cgroups = cgroupsV2(root);
    await cgroups.create('/a/b');
    // Controllers are handed down to each level, also to that of the containers.
    for (const path of ['', 'a/', 'a/b/']) expect(file(`${path}cgroup.subtree_control`)).toMatch(/^\+/);
    await cgroups.limit('/a/b', limits);
    expect(
      ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max', 'hugetlb.2MB.max'].map((name) => file(`a/b/${name}`)),
    ).toEqual(['20', '50000 100000', '1048576', '100', '4194304']);
    await cgroups.limit('/a/b', { cpuQuotaMicros: -1, memoryBytes: -1, pids: -1 });
    expect(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map((name) => file(`a/b/${name}`))).toEqual([
      '20',
      'max 100000',
      'max',
      'max',
    ]);
  });

  test('reads back what is in force', async () => {
    const cgroups = cgroupsV2(root);
    expect(await cgroups.limits('/a')).toBeUndefined();
    put('a/cpu.weight', '20\n');
    put('a/cpu.max', '50000 100000\n');
    put('a/memory.max', '1048576\n');
    const read = await cgroups.limits('/a');
    expect(read).toMatchObject({ cpuQuotaMicros: 50_000, memoryBytes: 1_048_576 });
    // A weight stands for many shares; telling it again changes nothing.
    expect(cpuWeightOf(read?.cpuShares ?? 0)).toBe(20);
    put('a/cpu.max', 'max 100000\n');
    put('a/memory.max', 'max\n');
    expect(await cgroups.limits('/a')).toMatchObject({ cpuQuotaMicros: -1, memoryBytes: -1 });
  });
});

describe('version 1', () => {
  const hierarchies = ['cpu', 'memory', 'pids', 'hugetlb'];
  const open = () =>
    cgroupsV1(
      new Map(hierarchies.map((name) => [name, join(root, name)])),
      hierarchies.map((name) => join(root, name)),
    );

  test('tells the files of each hierarchy', async () => {
    const cgroups = open();
    await cgroups.create('/a');
    await cgroups.limit('/a', limits);
    expect(
      [
        'cpu/a/cpu.shares',
        'cpu/a/cpu.cfs_period_us',
        'cpu/a/cpu.cfs_quota_us',
        'memory/a/memory.limit_in_bytes',
        'pids/a/pids.max',
        'hugetlb/a/hugetlb.2MB.limit_in_bytes',
      ].map(file),
    ).toEqual(['512', '100000', '50000', '1048576', '100', '4194304']);
    expect(await cgroups.limits('/a')).toEqual({ cpuShares: 512, cpuQuotaMicros: 50_000, memoryBytes: 1_048_576 });
  });

  test('the most that the kernel counts is no limit', async () => {
    put('memory/a/memory.limit_in_bytes', '9223372036854771712\n');
    put('cpu/a/cpu.shares', '2\n');
    put('cpu/a/cpu.cfs_quota_us', '-1\n');
    const cgroups = open();
    expect(await cgroups.limits('/a')).toEqual({ cpuShares: 2, cpuQuotaMicros: -1, memoryBytes: -1 });
    expect(await cgroups.limits('/b')).toBeUndefined();
  });
});

test.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
])('%i shares are a weight of %i, and back', (shares, weight) => {
  expect(cpuWeightOf(shares)).toBe(weight);
  expect(cpuWeightOf(cpuSharesOf(weight))).toBe(weight);
});
