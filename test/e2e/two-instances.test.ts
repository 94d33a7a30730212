// Two instances side by side: neither sees the other, and what one leaves behind after `down` and `reset` is nothing.
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instanceOf } from '../../src/host/instance.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, noContainers, startPeapod } from '../support/peapod.ts';
import { run } from '../support/run.ts';

const sysctls = ['net/ipv4/ip_forward', 'net/bridge/bridge-nf-call-iptables'];

/** All that the instances of these data folders have on the machine, and what is shared by all, as sorted lines. */
async function traces(dataDirs: readonly string[]): Promise<string[]> {
  const marks = dataDirs.flatMap((dataDir) => [instanceOf(dataDir).id, dataDir]);
  const lines = async (argv: string[]): Promise<string[]> => (await run(argv)).stdout.split('\n').filter(Boolean);
  const links = (await lines(['ip', '-o', 'link'])).map((line) => `link ${/^\d+: ([^:@]+)/.exec(line)?.[1]}`);
  const tables = (await lines(['nft', 'list', 'tables'])).map((line) => `nft ${line}`);
  const namespaces = (await lines(['ip', 'netns', 'list'])).map((line) => `netns ${line.split(' ')[0]}`);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => `mount ${line.split(' ')[4]}`)
    .filter((line) => /peapod|containerd|cni/.test(line));
  const cgroups = ['memory', 'cpu', 'pids', 'systemd', 'unified', ''].flatMap((controller) => {
    const folder = `/sys/fs/cgroup/${controller}`;
    return existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && /peapod|kubepods/.test(entry.name))
          .map((entry) => `cgroup ${controller}/${entry.name}`)
      : [];
  });
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
        return /containerd|catatonit/.test(command) ? [`process ${command}`] : [];
      } catch {
        return [];
      }
    });
  const settings = sysctls.map(
    (name) =>
      `sysctl ${name}=${existsSync(`/proc/sys/${name}`) ? readFileSync(`/proc/sys/${name}`, 'utf8').trim() : 'absent'}`,
  );
  const own = [...links, ...tables, ...mounts, ...cgroups, ...processes].filter((line) =>
    marks.some((mark) => line.includes(mark)),
  );
  // Kernel settings and network namespaces carry no name of an instance: they are only ours to judge where no other one runs.
  const alone = !existsSync('/run/peapod/shared');
  return [...own, ...(alone ? [...settings, ...namespaces, ...tables] : [])].sort();
}

describe.skipIf(noContainers)(`two instances${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
  let before: string[];
  let folders: string[];
  let first: Peapod;
  let second: Peapod;
  beforeAll(async () => {
    folders = ['first', 'second'].map((name) => realpathSync(mkdtempSync(join(tmpdir(), `peapod-${name}-`))));
    before = await traces(folders);
    first = await startPeapod({ dataDir: folders[0]! });
    second = await startPeapod({ dataDir: folders[1]! });
    expect((await traces(folders)).length).toBeGreaterThan(before.length);
  });
  afterAll(async () => {
    await first?.dispose();
    await second?.dispose();
  });

  test('each runs its own pods, on addresses of its own', async () => {
    const ips: string[] = [];
    for (const peapod of [first, second]) {
      await peapod.kubectl(['run', 'same-name', '--image=busybox:1.28', '--restart=Never', '--', 'sleep', '600']);
      await peapod.kubectl(['wait', '--for=condition=Ready', 'pod/same-name', '--timeout=60s']);
      ips.push(await peapod.kubectl(['get', 'pod', 'same-name', '-o', 'jsonpath={.status.podIP}']));
    }
    expect(new Set(ips).size).toBe(2);
  });

  test('a second one on the same data folder is refused and names the first', async () => {
    const refused = await first.command(['up', '--port', '0']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(String(first.pid));
  });

  test('a taken port is refused and names its owner', async () => {
    const port = /https:\/\/127\.0\.0\.1:(\d+)/.exec(first.output())?.[1];
    const third = await second.command(['status']);
    expect(third.code).toBe(0);
    const refused = await run([
      `${process.cwd()}/peapod`,
      'up',
      '--data-dir',
      `${second.dataDir}-other`,
      '--port',
      port ?? '',
      '--runtime',
      'simulated',
    ]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`port ${port}`);
    expect(refused.stderr).toContain(String(first.pid));
    await run(['rm', '-rf', `${second.dataDir}-other`]);
  });

  test("one's down leaves the other's pods untouched, and its state on disk", async () => {
    const container = await second.kubectl([
      'get',
      'pod',
      'same-name',
      '-o',
      'jsonpath={.status.containerStatuses[0].containerID}',
    ]);
    expect((await first.command(['down'])).code).toBe(0);
    expect((await first.command(['status'])).code).not.toBe(0);
    expect(await second.kubectl(['exec', 'same-name', '--', 'echo', 'alive'])).toBe('alive\n');
    expect(
      await second.kubectl(['get', 'pod', 'same-name', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']),
    ).toBe(container);
    expect(existsSync(`${first.dataDir}/store`)).toBe(true);
  });

  test('after both are reset the machine is as it was', async () => {
    await first.dispose();
    await second.dispose();
    await eventually(
      'no trace is left',
      async () => {
        expect(await traces(folders)).toEqual(before);
        return true;
      },
      20_000,
      500,
    );
  });
});
