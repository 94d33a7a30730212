import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../../api/generated/types.ts';
import { bindCompleted, provisionedBy, selectedNode } from '../../api/storage/binding.ts';
import { nextClaimStatus } from './claim-status.ts';
import { decideClaim } from './decide-claim.ts';
import { decideVolume } from './decide-volume.ts';

type ClaimSpec = NonNullable<PersistentVolumeClaim['spec']>;
type VolumeSpec = NonNullable<PersistentVolume['spec']>;

const claim = (spec: ClaimSpec = {}, annotations: Record<string, string> = {}): PersistentVolumeClaim => ({
  metadata: { name: 'c', namespace: 'ns', uid: 'u', annotations },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '', ...spec },
  status: { phase: 'Pending' },
});

const volume = (
  name: string,
  size: string,
  spec: VolumeSpec = {},
  more: { phase?: 'Available' | 'Bound' | 'Released'; labels?: object; deleting?: boolean } = {},
): PersistentVolume => ({
  metadata: {
    name,
    labels: { ...more.labels },
    ...(more.deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: size }, ...spec },
  status: { phase: more.phase ?? 'Available' },
});

const storageClass = (name: string, more: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name },
  provisioner: 'example.com/disk',
  volumeBindingMode: 'Immediate',
  ...more,
});
const late = storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' });
const standard = storageClass('standard', {
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
});

interface World {
  volumes?: PersistentVolume[];
  classes?: StorageClass[];
  pods?: Pod[];
}

/** What is decided, a line each. */
function decided(one: PersistentVolumeClaim, { volumes = [], classes = [], pods = [] }: World): string[] {
  const actions = decideClaim(one, 'ns/c', {
    volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
    volumes: () => volumes,
    storageClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
    storageClasses: () => classes,
    podsOf: () => pods,
  });
  return actions.map((action) => {
    if (action.do === 'bind') return `bind ${action.volume.metadata?.name}`;
    if (action.do === 'phase')
      return `${action.phase}${action.event ? ` ${action.event.reason}: ${action.event.message}` : ''}`;
    if (action.do === 'tell') return `${action.event.type} ${action.event.reason}: ${action.event.message}`;
    return action.do === 'setClass' ? `class ${action.name}` : `ask ${action.provisioner}`;
  });
}

const reserved = (more: object = {}): VolumeSpec => ({ claimRef: { name: 'c', namespace: 'ns', ...more } });
const none = 'Normal FailedBinding: no persistent volumes available for this claim and no storage class is set';
const asked = (provisioner: string): string =>
  `Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
const pod = (name: string, nodeName?: string, phase: 'Pending' | 'Failed' = 'Pending'): Pod => ({
  metadata: { name },
  spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
  status: { phase },
});

describe('a claim', () => {
  it.each<[string, PersistentVolumeClaim, World, string[]]>([
    [
      'gets the smallest that fits',
      claim(),
      { volumes: [volume('a', '5Gi'), volume('b', '2Gi'), volume('c', '1Mi')] },
      ['bind b'],
    ],
    [
      'gets one with as few ways to be used as will do',
      claim(),
      { volumes: [volume('a', '1Gi', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }), volume('b', '9Gi')] },
      ['bind b'],
    ],
    [
      'gets the one that is reserved for it, however big',
      claim(),
      { volumes: [volume('a', '2Gi'), volume('b', '9Gi', reserved())] },
      ['bind b'],
    ],
    [
      'is not given what is reserved for another of its name',
      claim(),
      { volumes: [volume('a', '2Gi', reserved({ uid: 'other' }))] },
      [none, 'Pending'],
    ],
    ['is not given what is too small', claim(), { volumes: [volume('a', '1G')] }, [none, 'Pending']],
    [
      'is not given what is in use or on its way out',
      claim(),
      { volumes: [volume('a', '1Gi', {}, { phase: 'Released' }), volume('b', '1Gi', {}, { deleting: true })] },
      [none, 'Pending'],
    ],
    [
      'is not given another class',
      claim(),
      { volumes: [volume('a', '1Gi', { storageClassName: 'x' })] },
      [none, 'Pending'],
    ],
    [
      'is not given another class of attributes',
      claim(),
      { volumes: [volume('a', '1Gi', { volumeAttributesClassName: 'x' })] },
      [none, 'Pending'],
    ],
    ['is not given a device', claim(), { volumes: [volume('a', '1Gi', { volumeMode: 'Block' })] }, [none, 'Pending']],
    [
      'is not given what cannot be used so',
      claim({ accessModes: ['ReadWriteMany'] }),
      { volumes: [volume('a', '1Gi')] },
      [none, 'Pending'],
    ],
    [
      'gets one that its selector matches',
      claim({ selector: { matchLabels: { a: 'b' } } }),
      { volumes: [volume('a', '1Gi'), volume('b', '9Gi', {}, { labels: { a: 'b' } })] },
      ['bind b'],
    ],
    [
      'without a class gets the default one late',
      { ...claim(), spec: { accessModes: ['ReadWriteOnce'] } },
      { classes: [standard] },
      ['class standard'],
    ],
    ['that wants no class gets none', claim(), { classes: [standard] }, [none, 'Pending']],
    [
      'asks who makes volumes of its class',
      claim({ storageClassName: 'standard' }),
      { classes: [standard] },
      ['ask example.com/disk', asked('example.com/disk')],
    ],
    [
      'asks the driver that has taken over',
      claim({ storageClassName: 'x' }),
      { classes: [storageClass('x', { provisioner: 'kubernetes.io/aws-ebs' })] },
      ['ask ebs.csi.aws.com', asked('ebs.csi.aws.com')],
    ],
    [
      'of a class that is not there says so',
      claim({ storageClassName: 'x' }),
      {},
      ['Warning ProvisioningFailed: storageclass.storage.k8s.io "x" not found'],
    ],
    [
      'of a class of which nobody makes volumes says so',
      claim({ storageClassName: 'x' }),
      { classes: [storageClass('x', { provisioner: 'kubernetes.io/no-provisioner' })] },
      ['Warning ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner'],
    ],
    [
      'that waits for a pod is not bound',
      claim({ storageClassName: 'late' }),
      { classes: [late], volumes: [volume('a', '1Gi', { storageClassName: 'late' })] },
      ['Normal WaitForFirstConsumer: waiting for first consumer to be created before binding', 'Pending'],
    ],
    [
      'that waits for pods names them',
      claim({ storageClassName: 'late' }),
      { classes: [late], pods: [pod('p'), pod('q'), pod('r', 'node'), pod('s', undefined, 'Failed')] },
      ['Normal WaitForPodScheduled: waiting for pods p,q to be scheduled', 'Pending'],
    ],
    [
      'that waited, and whose pod has a node, asks for a volume',
      claim({ storageClassName: 'late' }, { [selectedNode]: 'n' }),
      { classes: [late] },
      ['ask example.com/disk', asked('example.com/disk')],
    ],
    [
      'that waits gets the volume that the scheduler has reserved',
      claim({ storageClassName: 'late' }),
      { classes: [late], volumes: [volume('a', '1Gi', { storageClassName: 'late', ...reserved({ uid: 'u' }) })] },
      ['bind a'],
    ],
    ['that names a volume gets it', claim({ volumeName: 'a' }), { volumes: [volume('a', '1Gi')] }, ['bind a']],
    ['that names a volume waits for it', claim({ volumeName: 'a' }), {}, ['Pending']],
    [
      'that names a volume that will not do says why',
      claim({ volumeName: 'a' }),
      { volumes: [volume('a', '1M')] },
      ['Warning VolumeMismatch: Cannot bind to requested volume "a": requested PV is too small', 'Pending'],
    ],
    [
      'that names a volume of another says so',
      claim({ volumeName: 'a' }),
      { volumes: [volume('a', '1Gi', reserved({ uid: 'other' }))] },
      ['Warning FailedBinding: volume "a" already bound to a different claim.', 'Pending'],
    ],
    [
      'that was bound stays so',
      claim({ volumeName: 'a' }, { [bindCompleted]: 'yes' }),
      { volumes: [volume('a', '1Gi', reserved({ uid: 'u' }))] },
      ['bind a'],
    ],
    [
      'whose volume is gone is lost',
      claim({ volumeName: 'a' }, { [bindCompleted]: 'yes' }),
      {},
      ['Lost ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
    ],
    [
      "whose volume is another one's is lost",
      claim({ volumeName: 'a' }, { [bindCompleted]: 'yes' }),
      { volumes: [volume('a', '1Gi', reserved({ uid: 'other' }))] },
      ['Lost ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly'],
    ],
  ])('%s', (_, one, world, actions) => expect(decided(one, world)).toEqual(actions));
});

describe('a volume', () => {
  const ours = (
    spec: VolumeSpec = {},
    annotations: Record<string, string> = {},
    phase: 'Bound' | 'Failed' = 'Bound',
  ) => ({
    metadata: { name: 'v', annotations },
    spec: {
      claimRef: { name: 'c', namespace: 'ns', uid: 'u' },
      persistentVolumeReclaimPolicy: 'Retain' as const,
      ...spec,
    },
    status: { phase },
  });
  const deleted = { persistentVolumeReclaimPolicy: 'Delete' as const };
  const recycled = { persistentVolumeReclaimPolicy: 'Recycle' as const };
  const to = (phase: string) => ({ do: 'phase', phase });
  const failed = (reason: string, message: string) => ({
    ...to('Failed'),
    event: { type: 'Warning', reason, message },
  });
  const another = { ...claim(), metadata: { name: 'c', namespace: 'ns', uid: 'new' } };
  it.each<[string, PersistentVolume, PersistentVolumeClaim | undefined, Pod[], unknown[]]>([
    ['of nobody is free', volume('v', '1Gi'), undefined, [], [to('Available')]],
    ['that is reserved is free', volume('v', '1Gi', reserved()), undefined, [], [to('Available')]],
    ['whose claim names it is bound', ours(), claim({ volumeName: 'v' }), [], [to('Bound')]],
    ['whose claim does not name it yet waits for it', ours(), claim(), [], [{ do: 'lookAtClaim' }]],
    ['whose claim has another is let go', ours(), claim({ volumeName: 'w' }), [], [{ do: 'unbind' }]],
    ['whose claim is gone is kept', ours(), undefined, [], [to('Released')]],
    ['whose claim was made anew is kept', ours(), another, [], [to('Released')]],
    [
      'that is deleted on the host',
      ours({ ...deleted, hostPath: { path: '/tmp/x' } }),
      undefined,
      [],
      [to('Released'), { do: 'delete', deleter: { by: 'hostPath', path: '/tmp/x' } }],
    ],
    [
      'elsewhere on the host is not deleted',
      ours({ ...deleted, hostPath: { path: '/data' } }),
      undefined,
      [],
      [
        to('Released'),
        failed('VolumeFailedDelete', 'host_path deleter only supports /tmp/.+ but received provided /data'),
      ],
    ],
    [
      'that nobody can delete has failed, and stays so',
      ours({ ...deleted, local: { path: '/x' } }, {}, 'Failed'),
      undefined,
      [],
      [failed('VolumeFailedDelete', 'error getting deleter volume plugin for volume "v": no volume plugin matched')],
    ],
    [
      'of a driver is left to it',
      ours({ ...deleted, csi: { driver: 'd', volumeHandle: 'h' } }),
      undefined,
      [],
      [to('Released')],
    ],
    [
      'made by somebody outside is left to him',
      ours({ ...deleted, local: { path: '/x' } }, { [provisionedBy]: 'example.com/x' }),
      undefined,
      [],
      [to('Released')],
    ],
    [
      'that was made for a claim that took another is deleted',
      ours({ ...deleted, csi: { driver: 'd', volumeHandle: 'h' } }, { [provisionedBy]: 'd' }),
      claim({ volumeName: 'w' }),
      [],
      [to('Released')],
    ],
    [
      'that nobody can recycle has failed',
      ours(recycled),
      undefined,
      [],
      [to('Released'), failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!')],
    ],
    [
      'that pods use is not recycled',
      ours(recycled),
      undefined,
      [{ metadata: { name: 'p', namespace: 'ns' }, status: { phase: 'Running' } }],
      [
        to('Released'),
        {
          do: 'tell',
          on: 'volume',
          event: { type: 'Normal', reason: 'VolumeFailedRecycle', message: 'Volume is used by pods: ns/p' },
        },
      ],
    ],
  ])('%s', (_, one, its, pods, actions) => expect(decideVolume(one, its, pods)).toEqual(actions));

  it('and a claim of different modes are both told', () => {
    const told = decideVolume(ours({ volumeMode: 'Block' }), claim(), []);
    expect(told.map((action) => action.do === 'tell' && `${action.on}: ${action.event.message}`)).toEqual([
      'volume: Cannot bind PersistentVolume to requested PersistentVolumeClaim "c" due to incompatible volumeMode.',
      'claim: Cannot bind PersistentVolume "v" to requested PersistentVolumeClaim due to incompatible volumeMode.',
    ]);
  });
});

describe('the status of a claim', () => {
  const bound = volume('v', '2Gi', { volumeAttributesClassName: 'gold' });
  it('tells of its volume, once it has one', () => {
    expect(nextClaimStatus(claim(), 'Bound', bound)).toEqual({
      phase: 'Bound',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '2Gi' },
      currentVolumeAttributesClassName: 'gold',
    });
    expect(nextClaimStatus(claim(), 'Pending')).toBeUndefined();
  });
  it('keeps the size that it had, and forgets all of a volume that is lost', () => {
    const status = { phase: 'Bound' as const, accessModes: ['ReadWriteOnce' as const], capacity: { storage: '1Gi' } };
    expect(nextClaimStatus({ ...claim(), status }, 'Bound', bound)).toBeUndefined();
    expect(nextClaimStatus({ ...claim(), status }, 'Lost')).toEqual({ phase: 'Lost' });
  });
});
