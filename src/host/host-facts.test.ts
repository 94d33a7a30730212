// Tests of the host's pure parts: names, parsers, generated configuration.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { cpuWeightOf } from './cgroups.ts';
import { containerdArgv, crunWrapper } from './containerd.ts';
import { containerdConfig, parseRegistryMirrors, registryHosts } from './containerd-config.ts';
import { isAlive, parseProcStat, readPidFile, startDaemon, stopDaemon } from './daemon.ts';
import { importedNames } from './image-store.ts';
import { instanceOf } from './instance.ts';
import { cgroupModeOf, describeMachine, leastOomScoreAdjOf, osImageOf } from './machine.ts';
import { apiRedirectScript, gatewayOf, nftScript, portmapLeftovers } from './network.ts';
import { completeTree, ociImageTar } from './oci-image.ts';
import { joinSysctls, leaveSysctls } from './sysctls.ts';
import { tarArchive } from './tar.ts';

describe('instance', () => {
  test('two data folders never share a name, and names fit their limits', () => {
    const [a, b] = [instanceOf('/var/lib/peapod'), instanceOf('/home/me/.local/share/peapod')];
    for (const key of ['id', 'bridge', 'cgroupRoot', 'nftTable', 'cniNetwork', 'containerdSocket'] as const)
      expect(a[key]).not.toBe(b[key]);
    expect(a.bridge.length).toBeLessThanOrEqual(15);
    const deep = instanceOf(`/${'x'.repeat(200)}`);
    expect(deep.containerdSocket).toBe(`/run/peapod/${deep.id}/containerd.sock`);
    expect(a.containerdSocket).toBe('/var/lib/peapod/run/containerd.sock');
  });
});

describe('machine', () => {
  test.each([
    [
      '30 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 1 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      'hybrid',
    ],
    ['30 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory', 'v1'],
    ['31 1 0:2 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw', 'v2'],
    ['22 1 254:0 / / rw - ext4 /dev/vda rw', 'none'],
  ])('cgroup mode %#', (text, mode) => expect(cgroupModeOf(text)).toBe(mode));

  test('without CAP_SYS_RESOURCE the own oom_score_adj is the least', () => {
    expect(leastOomScoreAdjOf('CapEff:\t000001ffffffffff\n', '0')).toBe(-1000);
    expect(leastOomScoreAdjOf('CapEff:\t000001fffeffffff\n', '-5\n')).toBe(-5);
  });

  test('folders of processors that tell of their heat', async () => {
    const base = '/sys/devices/system/cpu';
    const files = createMemoryFiles();
    for (const path of ['cpu0/thermal_throttle', 'cpu1', 'cpufreq/thermal_throttle'])
      await files.mkdir(`${base}/${path}`, { recursive: true });
    expect((await describeMachine(files)).thermalPaths).toEqual([`${base}/cpu0/thermal_throttle`]);
  });

  test('os image', () => {
    expect(osImageOf('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      'Debian GNU/Linux 12 (bookworm)',
    );
    expect(osImageOf('')).toBe('Linux');
  });
});

describe('containerd configuration', () => {
  const settings = {
    runtime: 'runc' as const,
    binaries: { runc: '/usr/sbin/runc' },
    cniBinDir: '/usr/lib/cni',
    sandboxImage: 'peapod.dev/pause:1',
    snapshotter: 'overlayfs',
    appArmor: false,
    leastOomScoreAdj: 0,
    hugetlb: false,
  };
  test('says what the machine cannot do', () => {
    const text = containerdConfig(instanceOf('/d'), settings);
    for (const line of [
      'disable_apparmor = true',
      'restrict_oom_score_adj = true',
      'SystemdCgroup = false',
      'BinaryName = "/usr/sbin/runc"',
      'sandbox_image = "peapod.dev/pause:1"',
      'root = "/d/containerd"',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).not.toContain('runtimes.crun');
    expect(containerdConfig(instanceOf('/d'), { ...settings, leastOomScoreAdj: -1000 })).toContain(
      'restrict_oom_score_adj = false',
    );
  });

  test('crun on a hybrid machine gets a mount namespace without the v2 part', () => {
    expect(containerdArgv('/usr/bin/containerd', '/c', false)).toEqual(['/usr/bin/containerd', '--config', '/c']);
    expect(containerdArgv('/usr/bin/containerd', '/c', true).slice(0, 4)).toEqual([
      'unshare',
      '--mount',
      '--propagation',
      'unchanged',
    ]);
  });

  test('hides from crun alone what it refuses, with its path as one word', () => {
    expect(crunWrapper("/opt/it's here/crun")).toBe(
      `#!/bin/sh\nexec 'unshare' '--mount' '--propagation' 'unchanged' '--' '/bin/sh' '-c' ` +
        `'mount --make-private /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified && exec "$@"' 'sh' ` +
        `'/opt/it'\\''s here/crun' "$@"\n`,
    );
  });

  test('registry mirrors', () => {
    const mirrors = parseRegistryMirrors([
      'docker.io=http://127.0.0.1:5000',
      'docker.io=https://m.example/',
      'r.example:5000=http://x',
    ]);
    expect(mirrors.get('docker.io')).toEqual(['http://127.0.0.1:5000', 'https://m.example']);
    expect(registryHosts('docker.io', ['http://127.0.0.1:5000'])).toBe(
      'server = "https://registry-1.docker.io"\n\n[host."http://127.0.0.1:5000"]\ncapabilities = ["pull", "resolve"]\n',
    );
    for (const bad of ['docker.io', '=http://x', '../x=http://y', 'a=ftp://x', 'a=http://x"y'])
      expect(() => parseRegistryMirrors([bad])).toThrow(`invalid registry mirror ${JSON.stringify(bad)}`);
  });
});

describe('network', () => {
  const network = { nodePodCidr: '10.42.0.0/24', clusterPodCidr: '10.42.0.0/16' };
  test('only what leaves the pods is masqueraded', () => {
    const instance = instanceOf('/d');
    expect(nftScript(instance, network)).toContain(
      `ip saddr 10.42.0.0/24 ip daddr != { 10.42.0.0/16, 224.0.0.0/4 } oifname != "${instance.bridge}" masquerade`,
    );
  });

  test('what goes to the service of the API goes to the API, from the instance’s pods and from the node', () => {
    const instance = instanceOf('/data');
    const api = { address: gatewayOf('10.42.3.0/24'), port: 6443 };
    const script = apiRedirectScript(instance, { address: '10.43.0.1', port: 443 }, api);
    const rule = 'ip daddr 10.43.0.1 tcp dport 443 dnat to 10.42.3.1:6443;';
    expect(script).toContain(`chain api-of-pods { iifname "${instance.bridge}" ${rule} }`);
    expect(script).toContain(`chain api-of-node { ${rule} }`);
  });

  test('hostPort rules of one network are removed, of others kept', () => {
    const rule = (net: string, chain: string): string =>
      `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"${net}\\" id: \\"abc\\"" -m multiport --dports 80 -j ${chain}`;
    const common = [':CNI-HOSTPORT-DNAT - [0:0]', '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT'];
    const both = [...common, rule('mine', 'CNI-DN-1'), rule('other', 'CNI-DN-2')].join('\n');
    const removals = portmapLeftovers(both, 'mine');
    expect(removals).toEqual([
      [
        '-D',
        'CNI-HOSTPORT-DNAT',
        '-p',
        'tcp',
        '-m',
        'comment',
        '--comment',
        'dnat name: "mine" id: "abc"',
        '-m',
        'multiport',
        '--dports',
        '80',
        '-j',
        'CNI-DN-1',
      ],
      ['-F', 'CNI-DN-1'],
      ['-X', 'CNI-DN-1'],
    ]);
    const last = portmapLeftovers([...common, rule('mine', 'CNI-DN-1')].join('\n'), 'mine');
    expect(last).toContainEqual(['-X', 'CNI-HOSTPORT-DNAT']);
    expect(last).toContainEqual([
      '-D',
      'PREROUTING',
      '-m',
      'addrtype',
      '--dst-type',
      'LOCAL',
      '-j',
      'CNI-HOSTPORT-DNAT',
    ]);
  });
});

describe('sysctls', () => {
  test('the first sets, the last puts back', async () => {
    const base = await mkdtemp(`${tmpdir()}/peapod-sysctl-`);
    const [proc, shared] = [`${base}/proc`, `${base}/shared`];
    try {
      await mkdir(`${proc}/net/ipv4`, { recursive: true });
      await writeFile(`${proc}/net/ipv4/ip_forward`, '0\n');
      const value = (): Promise<string> => readFile(`${proc}/net/ipv4/ip_forward`, 'utf8');
      await Promise.all([joinSysctls('a', proc, shared), joinSysctls('b', proc, shared)]);
      expect(await value()).toBe('1');
      await leaveSysctls('a', proc, shared);
      await leaveSysctls('a', proc, shared);
      expect(await value()).toBe('1');
      await leaveSysctls('b', proc, shared);
      expect(await value()).toBe('0\n');
      await leaveSysctls('b', proc, shared);
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  });
});

describe('images', () => {
  const file = (path: string, text: string) => ({ kind: 'file' as const, path, mode: 0o644, data: Buffer.from(text) });
  test('the same files in any order give the same bytes', () => {
    const make = (entries: ReturnType<typeof file>[]) =>
      ociImageTar({ names: ['docker.io/library/x:1'], architecture: 'amd64', config: { Cmd: ['/x'] }, entries });
    const [a, b] = [file('x', '1'), file('etc/y', '2')];
    expect(make([a, b]).equals(make([b, a]))).toBe(true);
    expect(make([a, b]).equals(make([a, file('etc/y', '3')]))).toBe(false);
  });

  test('folders are filled in, sorted, and later entries win', () => {
    const tree = completeTree([file('a/b/c', '1'), file('a/b/c', '2')]);
    expect(tree.map(({ path }) => path)).toEqual(['a', 'a/b', 'a/b/c']);
    expect(tree[2]).toMatchObject({ data: Buffer.from('2') });
  });

  test('tar refuses what its format cannot hold', () => {
    expect(() => tarArchive([file(`${'d/'.repeat(10)}${'x'.repeat(120)}`, '')])).toThrow('path too long');
    expect(tarArchive([file(`${'long-folder-name/'.repeat(8)}f`, 'x')]).length).toBe(2048);
  });

  test('names out of what ctr prints', () => {
    expect(importedNames(`unpacking docker.io/library/x:1 (sha256:${'a'.repeat(64)})...done\nother\n`)).toEqual([
      'docker.io/library/x:1',
    ]);
  });
});

test.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
  [0, 1],
])('cpu.weight of %i shares is %i', (shares, weight) => expect(cpuWeightOf(shares)).toBe(weight));

describe('daemon', () => {
  test('a process name may hold anything', () => {
    const fields = Array.from({ length: 30 }, (_, i) => String(i + 3));
    expect(parseProcStat(`7 (a) (b c) ${['S', ...fields.slice(1)].join(' ')}`)).toEqual({
      state: 'S',
      startTime: '22',
    });
  });

  test.skipIf(process.platform !== 'linux')('is found again by its pid file, and stopped', async () => {
    const base = await mkdtemp(`${tmpdir()}/peapod-daemon-`);
    try {
      const pidPath = `${base}/pid`;
      const identity = await startDaemon(['sleep', '100'], { logPath: `${base}/log`, pidPath });
      expect(await readPidFile(pidPath)).toEqual(identity);
      await stopDaemon(identity, 1000);
      expect(await isAlive(identity)).toBe(false);
      expect(await readPidFile(pidPath)).toBeUndefined();
      // The pid of another process, by its start time.
      await writeFile(pidPath, JSON.stringify({ ...identity, pid: process.pid }));
      expect(await readPidFile(pidPath)).toBeUndefined();
      await expect(startDaemon(['/no/such/program'], { logPath: `${base}/log`, pidPath })).rejects.toThrow(
        'cannot start',
      );
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  });
});
