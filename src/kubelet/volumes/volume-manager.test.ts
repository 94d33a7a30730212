import { beforeEach, describe, expect, it } from 'vitest';
import type {
  ConfigMap,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
  Secret,
  Volume,
} from '../../api/generated/types.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Files, Mounts } from '../../lib/system.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { objectNotFound } from './object-source.ts';
import type { TokenSource } from './payload.ts';
import { createTokenSource } from './token-source.ts';
import { createVolumeManager, type ClosableVolumeManager } from './volume-manager.ts';
import type { ChangedObject, WatchedObjects } from './watched-objects.ts';

const root = '/data/kubelet';
const base = `${root}/pods/u-1`;
const memory = `${root}/pods/.memory`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let files: Files;
let mounted: string[];
/** What was asked of mount and umount, a call each. */
let calls: string[];
let tmpfs: Record<string, unknown>;
let clock: VirtualClock;
let configMaps: Map<string, ConfigMap>;
let secrets: Map<string, Secret>;
let registered: string[];
let listeners: Set<(changed: ChangedObject) => void>;
let manager: ClosableVolumeManager;
let hints: string[];
let refreshFailures: string[];
let mounts: Mounts;

const objects = (): WatchedObjects => ({
  async configMap(_, name) {
    const found = configMaps.get(name);
    if (!found) throw objectNotFound('configmap', name);
    return found;
  },
  async secret(_, name) {
    const found = secrets.get(name);
    if (!found) throw objectNotFound('secret', name);
    return found;
  },
  register: (pod) => void registered.push(pod.metadata?.uid ?? ''),
  unregister: (uid) => void registered.push(`-${uid}`),
  onChange(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  close() {},
});

const start = (tokens?: TokenSource): ClosableVolumeManager =>
  createVolumeManager({
    root,
    files,
    mounts,
    clock,
    objects: objects(),
    logger: silentLogger,
    nodeAllocatable: () => ({ cpu: '4', memory: '1Gi' }),
    tokens: tokens ?? {
      token: async (pod, { audience }) => `token of ${pod.metadata?.name} for ${audience || 'api'}`,
      forget: () => {},
    },
    sourceChanged: (uid) => hints.push(uid),
    refreshFailed: (_, message) => refreshFailures.push(message),
  });

beforeEach(async () => {
  files = createMemoryFiles();
  const removeTree = files.removeTree.bind(files);
  files.removeTree = async (path) => {
    if (mounted.some((point) => point === path || point.startsWith(`${path}/`)))
      throw Object.assign(new Error(`EBUSY: ${path}`), { code: 'EBUSY' });
    await removeTree(path);
  };
  mounted = [];
  calls = [];
  tmpfs = {};
  mounts = {
    listUnder: async (path) => mounted.filter((point) => point === path || point.startsWith(`${path}/`)).reverse(),
    async mountTmpfs(path, options) {
      calls.push('mount');
      tmpfs[path] = options;
      mounted.push(path);
    },
    async mountHugePages(path, options) {
      calls.push('mount');
      tmpfs[path] = options;
      mounted.push(path);
    },
    async mountAll() {},
    async bind() {},
    async unmount(...paths) {
      calls.push(`umount ${paths.length}`);
      mounted = mounted.filter((point) => !paths.includes(point));
    },
  };
  clock = createVirtualClock();
  configMaps = new Map([
    [
      'settings',
      { metadata: { name: 'settings' }, data: { color: 'red', size: 'xl' }, binaryData: { bin: base64('\u0001') } },
    ],
  ]);
  secrets = new Map([['login', { metadata: { name: 'login' }, data: { user: base64('bob') } }]]);
  registered = [];
  listeners = new Set();
  hints = [];
  refreshFailures = [];
  manager = start();
});

const podWith = (volumes: Volume[], spec: Partial<PodSpec> = {}, metadata = {}): Pod =>
  ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' }, ...metadata },
    spec: {
      containers: [{ name: 'c', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) }],
      volumes,
      ...spec,
    },
  }) as unknown as Pod;

async function pathsOf(pod: Pod): Promise<Record<string, string>> {
  const result = await manager.prepare(pod);
  if (!result.ok) throw new Error(result.messages.join('\n'));
  return Object.fromEntries(result.mounts);
}
async function messagesOf(pod: Pod): Promise<readonly string[]> {
  const result = await manager.prepare(pod);
  return result.ok ? [] : result.messages;
}
const text = async (path: string): Promise<string> => (await files.readFile(path)).toString();
const mode = async (path: string): Promise<number> => ((await files.stat(path))?.mode ?? 0) & 0o7777;
const visible = async (path: string): Promise<string[]> =>
  (await files.readdir(path)).filter((name) => !name.startsWith('..')).sort();

describe('emptyDir', () => {
  it('is a folder that everyone may write, which stays as it is', async () => {
    const pod = podWith([{ name: 'work', emptyDir: {} }]);
    const paths = await pathsOf(pod);
    expect(paths).toEqual({ work: `${base}/volumes/kubernetes.io~empty-dir/work` });
    expect(await mode(paths['work']!)).toBe(0o777);
    await files.writeFile(`${paths['work']}/mine`, 'x', 0o600);
    await files.chmod(paths['work']!, 0o700);
    await pathsOf(pod);
    manager = start();
    await pathsOf(pod);
    expect(await mode(paths['work']!)).toBe(0o700);
    expect(await text(`${paths['work']}/mine`)).toBe('x');
  });

  it('belongs to fsGroup', async () => {
    const pod = podWith([{ name: 'work', emptyDir: {} }], { securityContext: { fsGroup: 2000 } });
    const path = (await pathsOf(pod))['work']!;
    expect([await mode(path), (await files.stat(path))?.gid]).toEqual([0o2777, 2000]);
  });

  it('is a tmpfs in memory, mounted once, and again after it was lost', async () => {
    const pod = podWith([{ name: 'fast', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }]);
    const path = (await pathsOf(pod))['fast']!;
    expect(tmpfs).toEqual({ [path]: { mode: 0o777, sizeBytes: 64 * 2 ** 20 } });
    tmpfs = {};
    manager = start();
    await pathsOf(pod);
    expect(tmpfs).toEqual({});
    mounted = [];
    manager = start();
    await pathsOf(pod);
    expect(Object.keys(tmpfs)).toEqual([path]);
  });

  it('is of huge pages', async () => {
    const resources = { requests: { 'hugepages-2Mi': '4Mi' }, limits: { 'hugepages-2Mi': '4Mi' } };
    const containers = [{ name: 'c', resources, volumeMounts: [{ name: 'h', mountPath: '/h' }] }];
    const pod = podWith([{ name: 'h', emptyDir: { medium: 'HugePages' } }], { containers });
    const path = (await pathsOf(pod))['h']!;
    expect(tmpfs).toEqual({ [path]: { pageBytes: 2 ** 21 } });
    expect(await mode(path)).toBe(0o777);
  });

  it('fails of huge pages that nobody asks for', async () => {
    const message =
      'MountVolume.SetUp failed for volume "h" : medium HugePages: hugePages storage requested, but there is no resource request for huge pages';
    expect(await messagesOf(podWith([{ name: 'h', emptyDir: { medium: 'HugePages' } }]))).toEqual([message]);
  });
});

describe('hostPath', () => {
  it('is the path itself', async () => {
    expect(await pathsOf(podWith([{ name: 'h', hostPath: { path: '/srv' } }]))).toEqual({ h: '/srv' });
  });
  it('fails by its type', async () => {
    expect(await messagesOf(podWith([{ name: 'h', hostPath: { path: '/x', type: 'Directory' } }]))).toEqual([
      `MountVolume.SetUp failed for volume "h" : hostPath /x doesn't exist`,
    ]);
  });
});

describe('configMap and secret', () => {
  it('projects all keys', async () => {
    const path = (await pathsOf(podWith([{ name: 'cfg', configMap: { name: 'settings' } }])))['cfg']!;
    expect(path).toBe(`${base}/volumes/kubernetes.io~configmap/cfg`);
    expect(await visible(path)).toEqual(['bin', 'color', 'size']);
    expect([await text(`${path}/color`), await text(`${path}/bin`)]).toEqual(['red', '\u0001']);
    expect(await mode(`${path}/color`)).toBe(0o644);
    expect(tmpfs).toEqual({});
  });

  it('projects items with modes, in memory for a secret', async () => {
    const secret = { secretName: 'login', defaultMode: 0o400, items: [{ key: 'user', path: 'a/name', mode: 0o440 }] };
    const path = (await pathsOf(podWith([{ name: 's', secret }])))['s']!;
    expect(await visible(path)).toEqual(['a']);
    expect([await text(`${path}/a/name`), await mode(`${path}/a/name`)]).toEqual(['bob', 0o440]);
    expect(tmpfs).toEqual({ [memory]: { mode: 0o750 } });
    expect(path).toBe(`${memory}/u-1/volumes/kubernetes.io~secret/s`);
  });

  it('lets fsGroup read', async () => {
    const pod = podWith([{ name: 's', secret: { secretName: 'login', defaultMode: 0o400 } }], {
      securityContext: { fsGroup: 2000 },
    });
    const path = (await pathsOf(pod))['s']!;
    expect([await mode(`${path}/user`), (await files.stat(`${path}/user`))?.gid]).toEqual([0o440, 2000]);
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
    expect(await messagesOf(podWith([volume]))).toEqual([`MountVolume.SetUp failed for volume "v" : ${message}`]);
  });

  it('does without what is optional', async () => {
    const paths = await pathsOf(
      podWith([
        { name: 'a', configMap: { name: 'gone', optional: true } },
        { name: 'b', secret: { secretName: 'login', optional: true, items: [{ key: 'k', path: 'p' }] } },
      ]),
    );
    expect([await visible(paths['a']!), await visible(paths['b']!)]).toEqual([[], []]);
  });

  it('mounts the others when one fails, and all once it is there', async () => {
    const pod = podWith([
      { name: 'a', configMap: { name: 'gone' } },
      { name: 'b', emptyDir: {} },
    ]);
    expect(await messagesOf(pod)).toHaveLength(1);
    configMaps.set('gone', { metadata: { name: 'gone' }, data: { x: '1' } });
    expect(Object.keys(await pathsOf(pod))).toEqual(['a', 'b']);
  });

  it('ignores volumes that no container mounts', async () => {
    const pod = podWith([], { volumes: [{ name: 'unused', configMap: { name: 'gone' } }] });
    expect(await pathsOf(pod)).toEqual({});
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
    const path = (await pathsOf(podWith([volume])))['d']!;
    expect([await text(`${path}/labels`), await text(`${path}/cpu`)]).toEqual(['app="web"', '4000']);
    await pathsOf(podWith([volume], {}, { labels: { app: 'db', tier: 'x' } }));
    expect(await text(`${path}/labels`)).toBe('app="db"\ntier="x"');
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
    const path = (await pathsOf(podWith([volume])))['all']!;
    expect(await visible(path)).toEqual(['cfg', 'name', 'token', 'user']);
    expect(await text(`${path}/token`)).toBe('token of web for vault');
    expect([await mode(`${path}/user`), await mode(`${path}/token`)]).toEqual([0o440, 0o440]);
    const owned = podWith([{ ...volume, name: 'own' }], { securityContext: { runAsUser: 1000 } });
    const own = (await pathsOf(owned))['own']!;
    expect([await mode(`${own}/token`), (await files.stat(`${own}/token`))?.uid]).toEqual([0o600, 1000]);
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
    expect(await messagesOf(podWith([volume]))).toEqual([
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
    expect(await messagesOf(pod)).toEqual([
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
    expect(await messagesOf(podWith([{ name: 'data', ...source }]))).toEqual([message]);
  });
});

describe('claims', () => {
  type ClaimStatus = NonNullable<PersistentVolumeClaim['status']>;
  let claim: PersistentVolumeClaim | undefined;
  let volume: PersistentVolume | undefined;
  let asked: string[];
  const path = '/srv/disk';
  const withSource = (spec: NonNullable<PersistentVolume['spec']>): PersistentVolume => ({
    metadata: { name: 'pv' },
    spec: { claimRef: { namespace: 'shop', name: 'c', uid: 'claim-uid' }, ...spec },
  });
  const give = async <T>(what: string, name: string, found: T | undefined): Promise<T> => {
    asked.push(`${what}/${name}`);
    if (!found) throw new Error(`${what}s "${name}" not found`);
    return found;
  };
  const reading = (node?: Node): ClosableVolumeManager =>
    createVolumeManager({
      root,
      files,
      mounts,
      clock,
      objects: objects(),
      logger: silentLogger,
      nodeAllocatable: () => ({}),
      claims: {
        claim: (_, name) => give('persistentvolumeclaim', name, claim),
        volume: (name) => give('persistentvolume', name, volume),
      },
      node: () => node,
      sourceChanged: (uid) => hints.push(uid),
    });
  const claimed = podWith([{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }]);
  const bound: ClaimStatus = { phase: 'Bound' };
  const unprocessed = (why: string): string =>
    `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: ${why}`;
  const processing = (why: string): string => unprocessed(`error processing PVC shop/c: ${why}`);
  const gone = '2026-01-01T00:00:00Z';

  beforeEach(async () => {
    asked = [];
    claim = { metadata: { name: 'c', namespace: 'shop', uid: 'claim-uid' }, spec: { volumeName: 'pv' }, status: bound };
    volume = withSource({ hostPath: { path, type: 'Directory' } });
    await files.mkdir(path, { recursive: true, mode: 0o700 });
    manager = reading();
  });

  it('are the host path of their volume, which is asked for once', async () => {
    expect(await pathsOf(claimed)).toEqual({ data: path });
    expect(await pathsOf(claimed)).toEqual({ data: path });
    expect(asked).toEqual(['persistentvolumeclaim/c', 'persistentvolume/pv']);
    await manager.teardown('u-1');
    expect(await files.stat(path)).toBeDefined();
  });

  it('of ephemeral volumes are those that were made for the pod', async () => {
    const pod = podWith([{ name: 'data', ephemeral: {} }]);
    expect(await messagesOf(pod)).toEqual([
      unprocessed('PVC shop/c was not created for pod shop/web (pod is not owner)'),
    ]);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u-1', controller: true }];
    claim = { ...claim, metadata: { ...claim?.metadata, ownerReferences } };
    expect(await pathsOf(pod)).toEqual({ data: path });
    expect(asked).toContain('persistentvolumeclaim/web-data');
  });

  it.each<[string, () => void, string]>([
    [
      'are not there',
      () => (claim = undefined),
      processing('failed to fetch PVC from API server: persistentvolumeclaims "c" not found'),
    ],
    ['are not bound', () => (claim = { ...claim, status: { phase: 'Pending' } }), processing('PVC is not bound')],
    [
      'are on their way out and not protected',
      () => (claim = { ...claim, metadata: { ...claim?.metadata, deletionTimestamp: gone } }),
      processing('PVC is being deleted'),
    ],
    [
      'have lost their volume',
      () => (volume = undefined),
      processing('failed to fetch PV pv from API server: persistentvolumes "pv" not found'),
    ],
    [
      'are bound to a volume of nobody',
      () => (volume = { ...volume, spec: { hostPath: { path } } }),
      processing('found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim'),
    ],
    [
      'are bound to a volume of another',
      () => (volume = withSource({ hostPath: { path }, claimRef: { uid: 'other' } })),
      processing('found PV object pv but its pv.Spec.ClaimRef.UID other does not point to claim.UID claim-uid'),
    ],
    [
      'are devices',
      () => (volume = withSource({ hostPath: { path }, volumeMode: 'Block' })),
      unprocessed('volume data has volumeMode Block, but is specified in volumeMounts'),
    ],
    [
      'are of a kind that this node has not',
      () => (volume = withSource({ nfs: { server: 's', path: '/' } })),
      unprocessed(
        'failed to get Plugin from volumeSpec for volume "pv" err=no volume plugin matched: nfs is not supported by this node yet',
      ),
    ],
    [
      'have options that a path of the host does not take',
      () => (volume = withSource({ hostPath: { path }, mountOptions: ['ro'] })),
      'MountVolume.MountOptionSupport check failed for volume "pv" : mount options are not supported for this volume type',
    ],
    [
      'have options that this node does not mount local volumes with',
      () => (volume = withSource({ local: { path }, mountOptions: ['noexec'] })),
      'MountVolume.MountOptionSupport check failed for volume "pv" : mount options are not supported by this node yet',
    ],
    [
      'are not what their type says',
      () => (volume = withSource({ hostPath: { path, type: 'File' } })),
      'MountVolume.SetUp failed for volume "pv" : hostPath type check failed: /srv/disk is not a file, it\'s a Directory',
    ],
    [
      'are local and not there',
      () => (volume = withSource({ local: { path: '/srv/none' } })),
      'MountVolume.NewMounter initialization failed for volume "pv" : path "/srv/none" does not exist',
    ],
  ])('say so where they %s', async (_, change, message) => {
    change();
    expect(await messagesOf(claimed)).toEqual([message]);
  });

  it('are looked at again while they are not bound, and no longer', async () => {
    claim = { ...claim, status: { phase: 'Pending' } };
    await messagesOf(claimed);
    await messagesOf(claimed);
    expect(hints).toEqual([]);
    await clock.advance(2000);
    expect(hints).toEqual(['u-1']);
    await messagesOf(claimed);
    claim = { ...claim, status: bound };
    await clock.advance(2000);
    expect(hints).toEqual(['u-1', 'u-1']);
    expect(await pathsOf(claimed)).toEqual({ data: path });
    await clock.advance(60_000);
    expect(hints).toHaveLength(2);
  });

  it('that are protected are mounted though they are on their way out', async () => {
    const metadata = { ...claim?.metadata, deletionTimestamp: gone, finalizers: ['kubernetes.io/pvc-protection'] };
    claim = { ...claim, metadata };
    expect(await pathsOf(claimed)).toEqual({ data: path });
  });

  it('are not mounted on a node that does not reach their volume', async () => {
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'disk', operator: 'Exists' as const }] }];
    volume = withSource({ hostPath: { path }, nodeAffinity: { required: { nodeSelectorTerms } } });
    manager = reading({ metadata: { name: 'n' } });
    expect(await messagesOf(claimed)).toEqual([
      'MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms',
    ]);
    manager = reading({ metadata: { name: 'n', labels: { disk: 'fast' } } });
    expect(await pathsOf(claimed)).toEqual({ data: path });
  });

  it("of local volumes belong to the pod's group, as long as no other pod has them", async () => {
    volume = withSource({ local: { path } });
    const withGroup = (fsGroup: number, uid: string, more = {}): Pod =>
      podWith(
        [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }],
        { securityContext: { fsGroup, ...more } },
        { uid },
      );
    const group = async () => (await files.stat(path))?.gid;
    await pathsOf(withGroup(7, 'u-1'));
    expect([await group(), await mode(path)]).toEqual([7, 0o2770]);
    await pathsOf(withGroup(8, 'u-2'));
    expect(await group()).toBe(7);
    await manager.teardown('u-1');
    await manager.teardown('u-2');
    // The folder is right, so that nobody looks at what is in it.
    await files.writeFile(`${path}/file`, 'x', 0o600);
    await pathsOf(withGroup(7, 'u-3', { fsGroupChangePolicy: 'OnRootMismatch' }));
    expect(await mode(`${path}/file`)).toBe(0o600);
    await pathsOf(withGroup(9, 'u-4'));
    expect(await group()).toBe(7);
    await manager.teardown('u-3');
    await manager.teardown('u-4');
    await pathsOf(withGroup(9, 'u-5', { fsGroupChangePolicy: 'OnRootMismatch' }));
    expect([await group(), await mode(`${path}/file`)]).toEqual([9, 0o660]);
    // What the pod has changed meanwhile is its own, also for a kubelet that is started anew.
    await files.chmod(`${path}/file`, 0o600);
    manager = reading();
    await pathsOf(withGroup(9, 'u-5'));
    expect(await mode(`${path}/file`)).toBe(0o600);
  });
});

describe('what it costs', () => {
  const projected = podWith([
    { name: 's', secret: { secretName: 'login' } },
    { name: 'd', downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'w', emptyDir: {} },
  ]);

  it('no mount and no unmount for a pod without memory volumes, but one for all of them together', async () => {
    await pathsOf(projected);
    await pathsOf(podWith([{ name: 's', secret: { secretName: 'login' } }], {}, { uid: 'u-2' }));
    expect(calls).toEqual(['mount']);
    await manager.teardown('u-1');
    expect(calls).toEqual(['mount']);
    expect(await manager.listPodsOnDisk()).toEqual(['u-2']);
  });

  it('one call for all mounts that a pod leaves', async () => {
    const volumes = ['a', 'b', 'c'].map((name) => ({ name, emptyDir: { medium: 'Memory' } }));
    await pathsOf(podWith(volumes));
    mounted.push(`${base}/volume-subpaths/a/c/0`);
    await manager.teardown('u-1');
    expect(calls).toEqual(['mount', 'mount', 'mount', 'umount 4']);
    expect(mounted).toEqual([]);
  });

  it('hardly a look at the disk where nothing changed', async () => {
    await pathsOf(projected);
    const looks: string[] = [];
    const counted = files;
    files = new Proxy(counted, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...all: unknown[]) => unknown;
        return (...all: unknown[]) => {
          looks.push(String(name));
          return method.apply(target, all);
        };
      },
    });
    manager.close();
    manager = start();
    await pathsOf(projected);
    looks.length = 0;
    await pathsOf(projected);
    expect(looks).toEqual(['readlink', 'readlink']);
  });
});

describe('changes of sources', () => {
  const pod = podWith([{ name: 'cfg', configMap: { name: 'settings' } }]);
  const color = `${base}/volumes/kubernetes.io~configmap/cfg/color`;
  const change = async (name: string): Promise<void> => {
    for (const listener of listeners) listener({ kind: 'configmap', namespace: 'shop', name });
    await clock.advance(1000);
  };

  it('reach the files within a second', async () => {
    await pathsOf(pod);
    configMaps.set('settings', { metadata: { name: 'settings' }, data: { color: 'blue' } });
    await change('settings');
    expect(await text(color)).toBe('blue');
    expect(hints).toEqual(['u-1']);
  });

  it('of others are not looked at', async () => {
    await pathsOf(pod);
    await change('other');
    expect(hints).toEqual([]);
  });

  it('that take the source away leave the files, and are told once', async () => {
    await pathsOf(pod);
    configMaps.clear();
    await change('settings');
    await change('settings');
    expect(await text(color)).toBe('red');
    expect(refreshFailures).toEqual(['MountVolume.SetUp failed for volume "cfg" : configmap "settings" not found']);
    expect(Object.keys(await pathsOf(pod))).toEqual(['cfg']);
    manager = start();
    expect(Object.keys(await pathsOf(pod))).toEqual(['cfg']);
  });

  it('do nothing after teardown', async () => {
    await pathsOf(pod);
    for (const listener of listeners) listener({ kind: 'configmap', namespace: 'shop', name: 'settings' });
    await manager.teardown('u-1');
    await clock.advance(1000);
    expect(await files.lstat(base)).toBeUndefined();
  });
});

describe('tokens in volumes', () => {
  const token = `${memory}/u-1/volumes/kubernetes.io~projected/t/token`;
  const pod = podWith(
    [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 1000 } }] } }],
    { serviceAccountName: 'a' },
  );

  it('are renewed in the file before they expire, and reminded of no more once the pod has gone', async () => {
    let issued = 0;
    const api = createFakeApi();
    api.intercept = ({ path }) =>
      path.endsWith('/token')
        ? ({
            status: {
              token: `token ${++issued}`,
              expirationTimestamp: new Date(clock.now() + 1_000_000).toISOString(),
            },
          } as object)
        : undefined;
    const due: string[] = [];
    const tokens = createTokenSource({
      client: createClient(api),
      clock,
      logger: silentLogger,
      due: (uid) => void due.push(uid),
    });
    manager.close();
    manager = start(tokens);
    await pathsOf(pod);
    expect(await text(token)).toBe('token 1');
    await clock.advance(799_000);
    await pathsOf(pod);
    expect([await text(token), due]).toEqual(['token 1', []]);
    await clock.advance(1_000);
    expect(due).toEqual(['u-1']);
    // The kubelet's next pass over the pod.
    await pathsOf(pod);
    expect(await text(token)).toBe('token 2');
    await manager.teardown('u-1');
    await clock.advance(2_000_000);
    expect(due).toEqual(['u-1']);
    tokens.close();
  });
});

describe('teardown', () => {
  it('unmounts and removes everything of the pod, and nothing that links point at', async () => {
    await files.mkdir('/srv/keep', { recursive: true });
    await files.writeFile('/srv/keep/file', 'x');
    const pod = podWith([
      { name: 'm', emptyDir: { medium: 'Memory' } },
      { name: 's', secret: { secretName: 'login' } },
      { name: 'h', hostPath: { path: '/srv/keep' } },
      { name: 'w', emptyDir: {} },
    ]);
    const paths = await pathsOf(pod);
    await files.symlink('/srv/keep', `${paths['w']}/link`);
    mounted.push(`${base}/volume-subpaths/s/c/0`);
    expect(await manager.listPodsOnDisk()).toEqual(['u-1']);
    await manager.teardown('u-1');
    expect(mounted).toEqual([memory]);
    expect(await files.readdir(memory)).toEqual([]);
    expect(await manager.listPodsOnDisk()).toEqual([]);
    expect(await text('/srv/keep/file')).toBe('x');
    expect(registered).toEqual(['u-1', '-u-1']);
    await manager.teardown('u-1');
  });

  it('of a pod that only the disk knows', async () => {
    await pathsOf(podWith([{ name: 'w', emptyDir: {} }]));
    manager = start();
    await manager.teardown('u-1');
    expect(await manager.listPodsOnDisk()).toEqual([]);
  });

  it('of which only the part in memory is left', async () => {
    await pathsOf(podWith([{ name: 's', secret: { secretName: 'login' } }]));
    await files.removeTree(base);
    manager = start();
    expect(await manager.listPodsOnDisk()).toEqual(['u-1']);
    await manager.teardown('u-1');
    expect(await manager.listPodsOnDisk()).toEqual([]);
  });

  it('rejects while something stays mounted, and can be repeated', async () => {
    await pathsOf(podWith([{ name: 'm', emptyDir: { medium: 'Memory' } }]));
    const working = { ...mounts };
    mounts.unmount = async () => {
      throw new Error('umount: target is busy');
    };
    await expect(manager.teardown('u-1')).rejects.toThrow('busy');
    expect(await manager.listPodsOnDisk()).toEqual(['u-1']);
    Object.assign(mounts, working);
    await manager.teardown('u-1');
    expect(await manager.listPodsOnDisk()).toEqual([]);
  });

  it('refuses a UID that leads elsewhere', async () => {
    await expect(manager.teardown('../..')).rejects.toThrow('invalid pod UID');
    await expect(manager.prepare(podWith([], {}, { uid: 'a/b' }))).rejects.toThrow('invalid pod UID');
  });
});
