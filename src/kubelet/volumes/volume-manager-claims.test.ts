// Claims as volumes of a pod: whose they are, when they can be mounted, and what is said where they cannot.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/generated/types.ts';
import { createVolumeWorld, podWith, type VolumeWorld } from '../../sim/volume-world.ts';
import type { ClosableVolumeManager } from './volume-manager.ts';

let w: VolumeWorld;
beforeEach(() => {
  w = createVolumeWorld();
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
    w.start({
      nodeAllocatable: () => ({}),
      claims: {
        claim: (_, name) => give('persistentvolumeclaim', name, claim),
        volume: (name) => give('persistentvolume', name, volume),
      },
      node: () => node,
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
    await w.files.mkdir(path, { recursive: true, mode: 0o700 });
    w.manager = reading();
  });

  it('are the host path of their volume, which is asked for once', async () => {
    expect(await w.pathsOf(claimed)).toEqual({ data: path });
    expect(await w.pathsOf(claimed)).toEqual({ data: path });
    expect(asked).toEqual(['persistentvolumeclaim/c', 'persistentvolume/pv']);
    await w.manager.teardown('u-1');
    expect(await w.files.stat(path)).toBeDefined();
  });

  it('of ephemeral volumes are those that were made for the pod', async () => {
    const pod = podWith([{ name: 'data', ephemeral: {} }]);
    expect(await w.messagesOf(pod)).toEqual([
      unprocessed('PVC shop/c was not created for pod shop/web (pod is not owner)'),
    ]);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u-1', controller: true }];
    claim = { ...claim, metadata: { ...claim?.metadata, ownerReferences } };
    expect(await w.pathsOf(pod)).toEqual({ data: path });
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
    expect(await w.messagesOf(claimed)).toEqual([message]);
  });

  it('are looked at again while they are not bound, and no longer', async () => {
    claim = { ...claim, status: { phase: 'Pending' } };
    await w.messagesOf(claimed);
    await w.messagesOf(claimed);
    expect(w.hints).toEqual([]);
    await w.clock.advance(2000);
    expect(w.hints).toEqual(['u-1']);
    await w.messagesOf(claimed);
    claim = { ...claim, status: bound };
    await w.clock.advance(2000);
    expect(w.hints).toEqual(['u-1', 'u-1']);
    expect(await w.pathsOf(claimed)).toEqual({ data: path });
    await w.clock.advance(60_000);
    expect(w.hints).toHaveLength(2);
  });

  it('that are protected are mounted though they are on their way out', async () => {
    const metadata = { ...claim?.metadata, deletionTimestamp: gone, finalizers: ['kubernetes.io/pvc-protection'] };
    claim = { ...claim, metadata };
    expect(await w.pathsOf(claimed)).toEqual({ data: path });
  });

  it('are not mounted on a node that does not reach their volume', async () => {
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'disk', operator: 'Exists' as const }] }];
    volume = withSource({ hostPath: { path }, nodeAffinity: { required: { nodeSelectorTerms } } });
    w.manager = reading({ metadata: { name: 'n' } });
    expect(await w.messagesOf(claimed)).toEqual([
      'MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms',
    ]);
    w.manager = reading({ metadata: { name: 'n', labels: { disk: 'fast' } } });
    expect(await w.pathsOf(claimed)).toEqual({ data: path });
  });

  it("of local volumes belong to the pod's group, as long as no other pod has them", async () => {
    volume = withSource({ local: { path } });
    const withGroup = (fsGroup: number, uid: string, more = {}): Pod =>
      podWith(
        [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }],
        { securityContext: { fsGroup, ...more } },
        { uid },
      );
    const group = async () => (await w.files.stat(path))?.gid;
    await w.pathsOf(withGroup(7, 'u-1'));
    expect([await group(), await w.mode(path)]).toEqual([7, 0o2770]);
    await w.pathsOf(withGroup(8, 'u-2'));
    expect(await group()).toBe(7);
    await w.manager.teardown('u-1');
    await w.manager.teardown('u-2');
    // The folder is right, so that nobody looks at what is in it.
    await w.files.writeFile(`${path}/file`, 'x', 0o600);
    await w.pathsOf(withGroup(7, 'u-3', { fsGroupChangePolicy: 'OnRootMismatch' }));
    expect(await w.mode(`${path}/file`)).toBe(0o600);
    await w.pathsOf(withGroup(9, 'u-4'));
    expect(await group()).toBe(7);
    await w.manager.teardown('u-3');
    await w.manager.teardown('u-4');
    await w.pathsOf(withGroup(9, 'u-5', { fsGroupChangePolicy: 'OnRootMismatch' }));
    expect([await group(), await w.mode(`${path}/file`)]).toEqual([9, 0o660]);
    // What the pod has changed meanwhile is its own, also for a kubelet that is started anew.
    await w.files.chmod(`${path}/file`, 0o600);
    w.manager = reading();
    await w.pathsOf(withGroup(9, 'u-5'));
    expect(await w.mode(`${path}/file`)).toBe(0o600);
  });
});
