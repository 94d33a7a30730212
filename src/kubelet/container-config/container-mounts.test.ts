import { beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/generated/types.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { containerMounts, type MountSources } from './container-mounts.ts';

let sources: MountSources;
let bound: string[];
beforeEach(async () => {
  const files = createMemoryFiles();
  await files.mkdir('/k/pods/u-1', { recursive: true });
  await files.mkdir('/etc');
  await files.writeFile('/etc/hosts', '127.0.0.1 node\n');
  bound = [];
  sources = {
    root: '/k',
    files,
    random: { float: () => 0.5, uuid: () => '' },
    logger: silentLogger,
    clusterDomain: 'cluster.local',
    subPaths: { bind: async (...all) => void bound.push(all.join(' ')), readFile: async () => Buffer.from('') },
    supports: () => false,
    imageVolumes: new Map(),
    volumes: new Map([
      ['work', '/k/work'],
      ['cfg', '/k/cfg'],
    ]),
    podIPs: ['10.42.0.5'],
    environment: new Map([['NAME', 'web-0']]),
  };
});

const podOf = (spec: Partial<PodSpec> = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1' },
    spec: {
      containers: [],
      volumes: [
        { name: 'work', emptyDir: {} },
        { name: 'cfg', configMap: { name: 'c' } },
      ],
      ...spec,
    },
  }) as unknown as Pod;
const mounting = (...volumeMounts: NonNullable<Container['volumeMounts']>): Container => ({
  name: 'app',
  volumeMounts,
});
const hosts = { containerPath: '/etc/hosts', hostPath: '/k/pods/u-1/etc-hosts', selinuxRelabel: true };

describe('containerMounts', () => {
  it('mounts volumes, those of objects read-only, and the hosts file', async () => {
    const container = mounting(
      { name: 'work', mountPath: '/work', mountPropagation: 'HostToContainer' },
      { name: 'work', mountPath: 'rel', readOnly: true, mountPropagation: 'Bidirectional' },
      { name: 'cfg', mountPath: '/cfg' },
    );
    expect(await containerMounts(podOf(), container, sources)).toEqual([
      { containerPath: '/work', hostPath: '/k/work', readonly: false, propagation: 'hostToContainer' },
      { containerPath: '/rel', hostPath: '/k/work', readonly: true, propagation: 'bidirectional' },
      { containerPath: '/cfg', hostPath: '/k/cfg', readonly: true, propagation: 'private' },
      hosts,
    ]);
    const file = (await sources.files.readFile('/k/pods/u-1/etc-hosts')).toString();
    expect(file.endsWith('10.42.0.5\tweb\n')).toBe(true);
    expect((await sources.files.stat('/k/pods/u-1/etc-hosts'))?.mode).toBe(0o644);
  });

  it.each<[string, Partial<PodSpec>, string[], Container, boolean]>([
    ['before the pod has an address', {}, [], mounting(), false],
    ['over an own mount', {}, ['10.42.0.5'], mounting({ name: 'cfg', mountPath: '/etc/hosts', subPath: 'h' }), false],
    ["in the host's network", { hostNetwork: true }, [], mounting(), true],
  ])('hosts file %s', async (_, spec, podIPs, container, expected) => {
    const mounts = await containerMounts(podOf(spec), container, { ...sources, podIPs });
    expect(mounts.some((mount) => mount.hostPath === hosts.hostPath)).toBe(expected);
    if (spec.hostNetwork) {
      expect((await sources.files.readFile(hosts.hostPath)).toString()).toContain('(host network)');
    }
  });

  it('does without a hosts file of the node', async () => {
    await sources.files.unlink('/etc/hosts');
    await containerMounts(podOf({ hostNetwork: true }), mounting(), sources);
    expect((await sources.files.readFile(hosts.hostPath)).toString()).toBe(
      '# Kubernetes-managed hosts file (host network).\n',
    );
  });

  it('makes a new termination log that anyone may write', async () => {
    const container: Container = { name: 'app', terminationMessagePath: '/dev/termination-log' };
    const mounts = await containerMounts(podOf(), container, { ...sources, podIPs: [] });
    const hostPath = '/k/pods/u-1/containers/app/80000000';
    expect(mounts).toEqual([{ containerPath: '/dev/termination-log', hostPath, selinuxRelabel: true }]);
    expect((await sources.files.stat(hostPath))?.mode).toBe(0o666);
  });

  it('binds subPaths, expanded', async () => {
    const container = mounting(
      { name: 'cfg', mountPath: '/a', subPath: 'key' },
      { name: 'work', mountPath: '/b', subPathExpr: 'logs/$(NAME)' },
    );
    const mounts = await containerMounts(podOf(), container, sources);
    expect(mounts.slice(0, 2).map((mount) => [mount.hostPath, mount.readonly])).toEqual([
      ['/k/pods/u-1/volume-subpaths/cfg/app/0', true],
      ['/k/pods/u-1/volume-subpaths/work/app/1', false],
    ]);
    expect(bound).toEqual([
      '/k/cfg key /k/pods/u-1/volume-subpaths/cfg/app/0',
      '/k/work logs/web-0 /k/pods/u-1/volume-subpaths/work/app/1',
    ]);
  });

  const failures: [NonNullable<Container['volumeMounts']>[number], string][] = [
    [{ name: 'none', mountPath: '/x' }, 'cannot find volume "none" to mount into container "app"'],
    [{ name: 'work', mountPath: '/x', subPath: '/etc' }, 'error SubPath `/etc` must not be an absolute path'],
    [
      { name: 'work', mountPath: '/x', subPath: 'a/../..' },
      "unable to provision SubPath `a/../..`: must not contain '..'",
    ],
    [{ name: 'work', mountPath: '/x', subPathExpr: '$(NONE)' }, 'missing value for NONE'],
    [
      { name: 'work', mountPath: '/x', recursiveReadOnly: 'Enabled' },
      'failed to resolve recursive read-only mode: volume "work" requested recursive read-only mode, but it is not read-only',
    ],
    [
      { name: 'work', mountPath: '/x', readOnly: true, recursiveReadOnly: 'Enabled' },
      'requested recursive read-only mode, but it is not supported by the runtime',
    ],
    [
      {
        name: 'work',
        mountPath: '/x',
        readOnly: true,
        recursiveReadOnly: 'Enabled',
        mountPropagation: 'HostToContainer',
      },
      'but it is not compatible with propagation "HostToContainer"',
    ],
  ];
  it.each(failures)('%j fails', async (mount, message) => {
    await expect(containerMounts(podOf(), mounting(mount), sources)).rejects.toThrow(message);
  });

  it.each([
    ['IfPossible', false, undefined],
    ['IfPossible', true, true],
    ['Enabled', true, true],
    ['Disabled', true, undefined],
  ] as const)('recursiveReadOnly %s where supported is %s', async (recursiveReadOnly, supported, expected) => {
    const container = mounting({ name: 'work', mountPath: '/x', readOnly: true, recursiveReadOnly });
    const [mount] = await containerMounts(podOf(), container, { ...sources, supports: () => supported });
    expect(mount?.recursiveReadOnly).toBe(expected);
  });

  it('tells nothing of the host when a subPath cannot be bound', async () => {
    const container = mounting({ name: 'work', mountPath: '/x', subPath: 'y' });
    const failing = {
      ...sources,
      subPaths: { ...sources.subPaths!, bind: () => Promise.reject(new Error('path /root/.ssh is outside')) },
    };
    await expect(containerMounts(podOf(), container, failing)).rejects.toThrow(
      new Error('failed to prepare subPath for volumeMount "work" of container "app"'),
    );
    await expect(containerMounts(podOf(), container, { ...sources, subPaths: undefined })).rejects.toThrow(
      'subPath is not supported on this node',
    );
  });
});
