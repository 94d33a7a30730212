// The PersistentVolume kind. Follows pkg/registry/core/persistentvolume and pkg/api/persistentvolume of v1.36.

import type { PersistentVolume } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { canonicalQuantity } from '../../meta/quantity.ts';
import { formatTime } from '../../meta/time.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { accessModesText } from '../../storage/access-modes.ts';
import { classAnnotation, volumeClass } from '../../storage/storage-class-of.ts';
import { ageColumn, allVerbs, assign, nameColumn, statusVerbs, textColumn } from '../common.ts';
import { termWarnings } from '../pod/warnings.ts';
import { setVolumeDefaults } from './defaults.ts';
import {
  mountOptionsAnnotation,
  validateVolume,
  validateVolumeStatusUpdate,
  validateVolumeUpdate,
} from './validate.ts';

const path = new FieldPath('spec');

const oldAnnotations: Readonly<Record<string, string>> = {
  [classAnnotation]: 'deprecated since v1.8; use "storageClassName" attribute instead',
  [mountOptionsAnnotation]: 'deprecated since v1.31; use "mountOptions" attribute instead',
};

const oldSources = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
] as const;

function warnings({ metadata, spec = {} }: PersistentVolume): string[] {
  const annotations = new FieldPath('metadata').child('annotations');
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const termsPath = path.child('nodeAffinity', 'required', 'nodeSelectorTerms');
  return [
    ...Object.entries(oldAnnotations).flatMap(([key, why]) =>
      metadata?.annotations?.[key] === undefined ? [] : [`${annotations.key(key).text}: ${why}`],
    ),
    ...(spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [
          'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        ]
      : []),
    ...terms.flatMap((term, i) => termWarnings(termsPath.index(i), term)),
    ...oldSources.flatMap(([field, name, why]) => (spec[field] ? [`${path.child(name).text}: ${why}`] : [])),
  ];
}

const strategy: Strategy<PersistentVolume> = {
  resetFields: [['status']],
  prepareForCreate(volume, { now }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(now) };
  },
  validateCreate: validateVolume,
  prepareForUpdate(volume, old) {
    assign(volume, 'status', old.status);
  },
  validateUpdate: validateVolumeUpdate,
  warnings,
};

const statusStrategy: Strategy<PersistentVolume> = {
  resetFields: [['spec']],
  validateCreate: () => [],
  prepareForUpdate(volume, old, { now }) {
    assign(volume, 'spec', old.spec);
    const status = (volume.status ??= {});
    const [time, before] = [status.lastPhaseTransitionTime, old.status?.lastPhaseTransitionTime];
    const isSame = status.phase === old.status?.phase;
    if (isSame && time === undefined) assign(status, 'lastPhaseTransitionTime', before);
    else if (!isSame && (time === undefined || time === before)) status.lastPhaseTransitionTime = formatTime(now);
  },
  validateUpdate: validateVolumeStatusUpdate,
};

const unset = '<unset>';

const claimOf = ({ spec }: PersistentVolume): string =>
  spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '';

const phaseOf = ({ metadata, status }: PersistentVolume): string =>
  metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating';

export const persistentVolumeKind: KindDefinition<PersistentVolume> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  singular: 'persistentvolume',
  shortNames: ['pv'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.PersistentVolume',
  defaults: setVolumeDefaults,
  strategy,
  columns: [
    nameColumn,
    textColumn<PersistentVolume>('Capacity', 'Its size.', ({ spec }) =>
      canonicalQuantity(spec?.capacity?.['storage'] ?? '0'),
    ),
    textColumn<PersistentVolume>('Access Modes', 'How it may be used.', ({ spec }) =>
      accessModesText(spec?.accessModes),
    ),
    textColumn<PersistentVolume>(
      'Reclaim Policy',
      'What becomes of it when its claim goes.',
      ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? '',
    ),
    textColumn<PersistentVolume>('Status', 'Whether it is free, or bound to a claim.', phaseOf),
    textColumn<PersistentVolume>('Claim', 'The claim that has it.', claimOf),
    textColumn<PersistentVolume>('StorageClass', 'The class that it is of.', volumeClass),
    textColumn<PersistentVolume>(
      'VolumeAttributesClass',
      'The class of its attributes.',
      ({ spec }) => spec?.volumeAttributesClassName ?? unset,
    ),
    textColumn<PersistentVolume>('Reason', 'Why it failed.', ({ status }) => status?.reason ?? ''),
    ageColumn,
    textColumn<PersistentVolume>(
      'VolumeMode',
      'Whether it is used as files or as a device.',
      ({ spec }) => spec?.volumeMode ?? unset,
      true,
    ),
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
