// Checks of PersistentVolumes, new and changed. Follows pkg/apis/core/validation/validation.go and pkg/volume/validation of v1.36.

import type { PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import {
  immutableField,
  immutableMessage,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { cloneAsGiven } from '../../schema/given-empty.ts';
import { metaOf } from '../common.ts';
import { internalForm, internalText } from '../internal-form.ts';
import { unifiedDiff } from '../pod/unified-diff.ts';
import { sourcesOf } from './validate-sources.ts';
import { validateVolumeSpec } from './validate-spec.ts';

const path = new FieldPath('spec');
export const mountOptionsAnnotation = 'volume.beta.kubernetes.io/mount-options';
/** The sources whose mounts take options. */
const takeOptions = new Set([
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
]);

function mountOptionErrors({ metadata, spec = {} }: PersistentVolume): FieldError[] {
  if (metadata?.annotations?.[mountOptionsAnnotation] === undefined) return [];
  if (sourcesOf(spec).some((source) => takeOptions.has(source))) return [];
  const at = new FieldPath('metadata').child('annotations', mountOptionsAnnotation);
  return [forbiddenField(at, 'may not specify mount options for this volume type')];
}

const validateCore = (volume: PersistentVolume): FieldError[] => [
  ...validateObjectMeta(metaOf(volume), false, nameIsSubdomain),
  ...validateVolumeSpec(path, volume.spec ?? {}, volume.metadata?.name ?? ''),
];

export const validateVolume = (volume: PersistentVolume): FieldError[] => [
  ...validateCore(volume),
  ...mountOptionErrors(volume),
];

function sourceForm(spec: PersistentVolumeSpec): object {
  return Object.fromEntries(sourcesOf(spec).map((field) => [field, spec[field]]));
}

/** Where the data is never changes; a secret for growing it may come later. */
function sourceErrors(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): FieldError[] {
  const after = cloneAsGiven(spec);
  if (old.csi && !old.csi.controllerExpandSecretRef && after.csi) delete after.csi.controllerExpandSecretRef;
  const forms = [old, after].map(sourceForm);
  const [before, now] = forms;
  if (!before || !now || equalJson(before, now)) return [];
  const [a, b] = [before, now].map((form) => internalText('PersistentVolumeSource', form));
  const fixed = 'spec.persistentvolumesource is immutable after creation';
  return [forbiddenField(path.child('persistentvolumesource'), `${fixed}\n${unifiedDiff(a ?? '', b ?? '')}`)];
}

const newLabels: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** The affinity as it was, where the only changes are labels that are called by their new names. */
function withOldLabels(
  affinity: VolumeNodeAffinity | undefined,
  old: VolumeNodeAffinity,
): VolumeNodeAffinity | undefined {
  const masked = cloneAsGiven(affinity);
  masked?.required?.nodeSelectorTerms.forEach((term, i) => {
    const before = old.required?.nodeSelectorTerms[i];
    for (const list of ['matchExpressions', 'matchFields'] as const)
      term[list]?.forEach((one, j) => {
        const key = before?.[list]?.[j]?.key;
        if (key !== undefined && newLabels[key] === one.key) one.key = key;
      });
  });
  return masked;
}

function affinityErrors(affinity: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity | undefined): FieldError[] {
  if (!old || equalJson(withOldLabels(affinity, old), old)) return [];
  const shown = affinity ? internalForm('VolumeNodeAffinity', affinity) : undefined;
  return [
    invalid(new FieldPath('nodeAffinity'), shown, `${immutableMessage}, except for updating from beta label to GA`),
  ];
}

export function validateVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const [spec, before] = [volume.spec ?? {}, old.spec ?? {}];
  const losesClass = before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined;
  return [
    ...validateVolume(volume),
    ...validateCore(volume),
    ...sourceErrors(spec, before),
    ...immutableField(new FieldPath('volumeMode'), spec.volumeMode, before.volumeMode),
    ...affinityErrors(spec.nodeAffinity, before.nodeAffinity),
    ...(losesClass
      ? [forbiddenField(path.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden')]
      : []),
  ];
}

export const validateVolumeStatusUpdate = (volume: PersistentVolume, old: PersistentVolume): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(volume), metaOf(old)),
  ...(volume.metadata?.resourceVersion ? [] : [required(new FieldPath('resourceVersion'))]),
];
