// What is in the volumes of a pod, and what they look like.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../api/generated/types.ts';
import { base, createVolumeWorld, memory, podWith, type VolumeWorld } from '../../sim/volume-world.ts';

let w: VolumeWorld;
beforeEach(() => {
  w = createVolumeWorld();
});

describe('emptyDir', () => {
  it('is a folder that everyone may write, which stays as it is', async () => {
    const pod = podWith([{ name: 'work', emptyDir: {} }]);
    const paths = await w.pathsOf(pod);
    expect(paths).toEqual({ work: `${base}/volumes/kubernetes.io~empty-dir/work` });
    expect(await w.mode(paths['work']!)).toBe(0o777);
    await w.files.writeFile(`${paths['work']}/mine`, 'x', 0o600);
    await w.files.chmod(paths['work']!, 0o700);
    await w.pathsOf(pod);
    w.manager = w.start();
    await w.pathsOf(pod);
    expect(await w.mode(paths['work']!)).toBe(0o700);
    expect(await w.text(`${paths['work']}/mine`)).toBe('x');
  });

  it('belongs to fsGroup', async () => {
    const pod = podWith([{ name: 'work', emptyDir: {} }], { securityContext: { fsGroup: 2000 } });
    const path = (await w.pathsOf(pod))['work']!;
    expect([await w.mode(path), (await w.files.stat(path))?.gid]).toEqual([0o2777, 2000]);
  });

  it('is a tmpfs in memory, mounted once, and again after it was lost', async () => {
    const pod = podWith([{ name: 'fast', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }]);
    const path = (await w.pathsOf(pod))['fast']!;
    expect(w.tmpfs).toEqual({ [path]: { mode: 0o777, sizeBytes: 64 * 2 ** 20 } });
    w.tmpfs = {};
    w.manager = w.start();
    await w.pathsOf(pod);
    expect(w.tmpfs).toEqual({});
    w.mounted = [];
    w.manager = w.start();
    await w.pathsOf(pod);
    expect(Object.keys(w.tmpfs)).toEqual([path]);
  });

  it('is of huge pages', async () => {
    const resources = { requests: { 'hugepages-2Mi': '4Mi' }, limits: { 'hugepages-2Mi': '4Mi' } };
    const containers = [{ name: 'c', resources, volumeMounts: [{ name: 'h', mountPath: '/h' }] }];
    const pod = podWith([{ name: 'h', emptyDir: { medium: 'HugePages' } }], { containers });
    const path = (await w.pathsOf(pod))['h']!;
    expect(w.tmpfs).toEqual({ [path]: { pageBytes: 2 ** 21 } });
    expect(await w.mode(path)).toBe(0o777);
  });

  it('fails of huge pages that nobody asks for', async () => {
    const message =
      'MountVolume.SetUp failed for volume "h" : medium HugePages: hugePages storage requested, but there is no resource request for huge pages';
    expect(await w.messagesOf(podWith([{ name: 'h', emptyDir: { medium: 'HugePages' } }]))).toEqual([message]);
  });
});

describe('hostPath', () => {
  it('is the path itself', async () => {
    expect(await w.pathsOf(podWith([{ name: 'h', hostPath: { path: '/srv' } }]))).toEqual({ h: '/srv' });
  });
  it('fails by its type', async () => {
    expect(await w.messagesOf(podWith([{ name: 'h', hostPath: { path: '/x', type: 'Directory' } }]))).toEqual([
      `MountVolume.SetUp failed for volume "h" : hostPath /x doesn't exist`,
    ]);
  });
});

describe('configMap and secret', () => {
  it('projects all keys', async () => {
    const path = (await w.pathsOf(podWith([{ name: 'cfg', configMap: { name: 'settings' } }])))['cfg']!;
    expect(path).toBe(`${base}/volumes/kubernetes.io~configmap/cfg`);
    expect(await w.visible(path)).toEqual(['bin', 'color', 'size']);
    expect([await w.text(`${path}/color`), await w.text(`${path}/bin`)]).toEqual(['red', '\u0001']);
    expect(await w.mode(`${path}/color`)).toBe(0o644);
    expect(w.tmpfs).toEqual({});
  });

  it('projects items with modes, in memory for a secret', async () => {
    const secret = { secretName: 'login', defaultMode: 0o400, items: [{ key: 'user', path: 'a/name', mode: 0o440 }] };
    const path = (await w.pathsOf(podWith([{ name: 's', secret }])))['s']!;
    expect(await w.visible(path)).toEqual(['a']);
    expect([await w.text(`${path}/a/name`), await w.mode(`${path}/a/name`)]).toEqual(['bob', 0o440]);
    expect(w.tmpfs).toEqual({ [memory]: { mode: 0o750 } });
    expect(path).toBe(`${memory}/u-1/volumes/kubernetes.io~secret/s`);
  });

  it('lets fsGroup read', async () => {
    const pod = podWith([{ name: 's', secret: { secretName: 'login', defaultMode: 0o400 } }], {
      securityContext: { fsGroup: 2000 },
    });
    const path = (await w.pathsOf(pod))['s']!;
    expect([await w.mode(`${path}/user`), (await w.files.stat(`${path}/user`))?.gid]).toEqual([0o440, 2000]);
  });

  it.each<[Volume, string]>([
    [{ name: 'v', configMap: { name: 'gone' } }, 'configmap "gone" not found'],
    [{ name: 'v', secret: { secretName: 'gone' } }, 'secret "gone" not found'],
    [
      { name: 'v', configMap: { name: 'settings', items: [{ key: 'k', path: 'p' }] } },
      'configmap references non-existent config key: k',
    ],
    [
      { name: 'v', secret: { secretName: 'login', items: [{ key: 'k', path: 'p' }] } },
      'references non-existent secret key: k',
    ],
  ])('%j fails', async (volume, message) => {
    expect(await w.messagesOf(podWith([volume]))).toEqual([`MountVolume.SetUp failed for volume "v" : ${message}`]);
  });

  it('does without what is optional', async () => {
    const paths = await w.pathsOf(
      podWith([
        { name: 'a', configMap: { name: 'gone', optional: true } },
        { name: 'b', secret: { secretName: 'login', optional: true, items: [{ key: 'k', path: 'p' }] } },
      ]),
    );
    expect([await w.visible(paths['a']!), await w.visible(paths['b']!)]).toEqual([[], []]);
  });

  it('mounts the others when one fails, and all once it is there', async () => {
    const pod = podWith([
      { name: 'a', configMap: { name: 'gone' } },
      { name: 'b', emptyDir: {} },
    ]);
    expect(await w.messagesOf(pod)).toHaveLength(1);
    w.configMaps.set('gone', { metadata: { name: 'gone' }, data: { x: '1' } });
    expect(Object.keys(await w.pathsOf(pod))).toEqual(['a', 'b']);
  });

  it('ignores volumes that no container mounts', async () => {
    const pod = podWith([], { volumes: [{ name: 'unused', configMap: { name: 'gone' } }] });
    expect(await w.pathsOf(pod)).toEqual({});
  });
});

describe('downwardAPI and projected', () => {
  it('follows labels', async () => {
    const volume: Volume = {
      name: 'd',
      downwardAPI: {
        items: [
          { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
          { path: 'cpu', resourceFieldRef: { containerName: 'c', resource: 'limits.cpu', divisor: '1m' } },
        ],
      },
    };
    const path = (await w.pathsOf(podWith([volume])))['d']!;
    expect([await w.text(`${path}/labels`), await w.text(`${path}/cpu`)]).toEqual(['app="web"', '4000']);
    await w.pathsOf(podWith([volume], {}, { labels: { app: 'db', tier: 'x' } }));
    expect(await w.text(`${path}/labels`)).toBe('app="db"\ntier="x"');
  });

  it('puts all sources together', async () => {
    const volume: Volume = {
      name: 'all',
      projected: {
        defaultMode: 0o440,
        sources: [
          { secret: { name: 'login' } },
          { configMap: { name: 'settings', items: [{ key: 'color', path: 'cfg/color' }] } },
          { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          { serviceAccountToken: { path: 'token', audience: 'vault' } },
        ],
      },
    };
    const path = (await w.pathsOf(podWith([volume])))['all']!;
    expect(await w.visible(path)).toEqual(['cfg', 'name', 'token', 'user']);
    expect(await w.text(`${path}/token`)).toBe('token of web for vault');
    expect([await w.mode(`${path}/user`), await w.mode(`${path}/token`)]).toEqual([0o440, 0o440]);
    const owned = podWith([{ ...volume, name: 'own' }], { securityContext: { runAsUser: 1000 } });
    const own = (await w.pathsOf(owned))['own']!;
    expect([await w.mode(`${own}/token`), (await w.files.stat(`${own}/token`))?.uid]).toEqual([0o600, 1000]);
  });

  it('names every failure', async () => {
    const volume: Volume = {
      name: 'all',
      projected: {
        sources: [
          { secret: { name: 'x' } },
          { configMap: { name: 'y' } },
          { clusterTrustBundle: { path: 'z' } },
          { clusterTrustBundle: { name: 'n', path: 'z' } },
        ],
      },
    };
    expect(await w.messagesOf(podWith([volume]))).toEqual([
      'MountVolume.SetUp failed for volume "all" : [secret "x" not found, configmap "y" not found, ClusterTrustBundle projection requires either name or signerName to be set, ClusterTrustBundle projection is not supported in static kubelet mode]',
    ]);
  });
});

describe('unsupported volumes', () => {
  it.each<[Partial<Volume>, string]>([
    [{ nfs: { server: 's', path: '/' } }, 'nfs'],
    [{ iscsi: { iqn: 'i', lun: 0, targetPortal: 'p' } }, 'iscsi'],
  ])('%j is refused by name', async (source, field) => {
    const pod = podWith([
      { name: 'ok', emptyDir: {} },
      { name: 'data', ...source },
    ]);
    expect(await w.messagesOf(pod)).toEqual([
      `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: failed to get Plugin from volumeSpec for volume "data" err=no volume plugin matched: ${field} is not supported by this node yet`,
    ]);
  });
});

describe('volumes that Kubernetes has no plugin for', () => {
  const prefix =
    'Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process';
  it.each<[Partial<Volume>, string]>([
    [
      { rbd: { image: 'i', monitors: [] } },
      `${prefix} volumes=[data]: failed to get Plugin from volumeSpec for volume "data" err=no volume plugin matched`,
    ],
    [
      { csi: { driver: 'd.example' } },
      'MountVolume.SetUp failed for volume "data" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name d.example not found in the list of registered CSI drivers',
    ],
    [
      { gitRepo: { repository: 'r' } },
      'MountVolume.NewMounter initialization failed for volume "data" : git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`',
    ],
  ])('%j fails in its words', async (source, message) => {
    expect(await w.messagesOf(podWith([{ name: 'data', ...source }]))).toEqual([message]);
  });
});

describe('what it costs', () => {
  const projected = podWith([
    { name: 's', secret: { secretName: 'login' } },
    { name: 'd', downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'w', emptyDir: {} },
  ]);

  it('no mount and no unmount for a pod without memory volumes, but one for all of them together', async () => {
    await w.pathsOf(projected);
    await w.pathsOf(podWith([{ name: 's', secret: { secretName: 'login' } }], {}, { uid: 'u-2' }));
    expect(w.calls).toEqual(['mount']);
    await w.manager.teardown('u-1');
    expect(w.calls).toEqual(['mount']);
    expect(await w.manager.listPodsOnDisk()).toEqual(['u-2']);
  });

  it('one call for all mounts that a pod leaves', async () => {
    const volumes = ['a', 'b', 'c'].map((name) => ({ name, emptyDir: { medium: 'Memory' } }));
    await w.pathsOf(podWith(volumes));
    w.mounted.push(`${base}/volume-subpaths/a/c/0`);
    await w.manager.teardown('u-1');
    expect(w.calls).toEqual(['mount', 'mount', 'mount', 'umount 4']);
    expect(w.mounted).toEqual([]);
  });

  it('hardly a look at the disk where nothing changed', async () => {
    await w.pathsOf(projected);
    const looks: string[] = [];
    const counted = w.files;
    w.files = new Proxy(counted, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...all: unknown[]) => unknown;
        return (...all: unknown[]) => {
          looks.push(String(name));
          return method.apply(target, all);
        };
      },
    });
    w.manager.close();
    w.manager = w.start();
    await w.pathsOf(projected);
    looks.length = 0;
    await w.pathsOf(projected);
    expect(looks).toEqual(['readlink', 'readlink']);
  });
});
