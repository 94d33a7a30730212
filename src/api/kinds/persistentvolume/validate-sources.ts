// Checks of where a PersistentVolume's data is: exactly one source, and what each must tell.
// Follows ValidatePersistentVolumeSpec in pkg/apis/core/validation/validation.go of v1.36.

import type {
  CinderPersistentVolumeSource,
  CSIPersistentVolumeSource,
  GlusterfsPersistentVolumeSource,
  ISCSIPersistentVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
  StorageOSPersistentVolumeSource,
  Volume,
} from '../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import { nameIsLabel, rangeMessage } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import { driverNameErrors, initiators, remoteSourceChecks } from '../pod/validation/remote-volumes.ts';
import { labelErrors, need, noBacksteps, oneVolumeType, subdomainErrors } from '../pod/validation/shared.ts';
import { validateHostPath } from '../pod/validation/volumes.ts';

/** The field of each source, in the order in which they are looked at. */
const order = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const;

// Where upstream's paths are not the field's name.
const pathNames: Partial<Record<string, { one?: string; many?: string }>> = {
  gcePersistentDisk: { one: 'persistentDisk' },
  cephfs: { many: 'cephFS' },
};

type Check = (path: FieldPath, spec: PersistentVolumeSpec, name: string) => FieldError[];

function secretErrors(at: FieldPath, secret: SecretReference | undefined): FieldError[] {
  if (!secret) return [];
  const { name = '', namespace = '' } = secret;
  return [
    ...(name === '' ? [required(at.child('name'))] : subdomainErrors(at.child('name'), name)),
    ...(namespace === '' ? [required(at.child('namespace'))] : labelErrors(at.child('namespace'), namespace)),
  ];
}

/** As above, where no more is asked than that both are there. */
const needSecret = (at: FieldPath, secret: SecretReference | undefined): FieldError[] =>
  secret ? [...need(at.child('name'), secret.name), ...need(at.child('namespace'), secret.namespace)] : [];

const csiErrors = (at: FieldPath, csi: CSIPersistentVolumeSource): FieldError[] => [
  ...driverNameErrors(at.child('driver'), csi.driver ?? ''),
  ...need(at.child('volumeHandle'), csi.volumeHandle),
  ...secretErrors(at.child('controllerPublishSecretRef'), csi.controllerPublishSecretRef),
  ...secretErrors(at.child('controllerExpandSecretRef'), csi.controllerExpandSecretRef),
  ...secretErrors(at.child('nodePublishSecretRef'), csi.nodePublishSecretRef),
  ...secretErrors(at.child('nodeExpandSecretRef'), csi.nodeExpandSecretRef),
];

function glusterfsErrors(at: FieldPath, source: GlusterfsPersistentVolumeSource): FieldError[] {
  const namespace = source.endpointsNamespace;
  const here = at.child('endpointsNamespace');
  const wrong = 'if the endpointnamespace is set, it must be a valid namespace name';
  return [
    ...need(at.child('endpoints'), source.endpoints),
    ...need(at.child('path'), source.path),
    ...(namespace === '' ? [invalid(here, namespace, wrong)] : []),
    ...(namespace ? invalidEach(here, namespace, nameIsLabel(namespace, false)) : []),
  ];
}

/** A name of an initiator or target. Unlike in pods there is one message for every mistake. */
function initiatorErrors(at: FieldPath, name: string): FieldError[] {
  return initiators[name.slice(0, 3)]?.test(name) ? [] : [invalid(at, name, 'must be valid format')];
}

function iscsiErrors(at: FieldPath, iscsi: ISCSIPersistentVolumeSource, name: string): FieldError[] {
  const { targetPortal = '', iqn = '', lun = 0, initiatorName, secretRef } = iscsi;
  const tooLong =
    'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
  const isLong = initiatorName !== undefined && `${name}:${targetPortal}`.length > 64;
  return [
    ...need(at.child('targetPortal'), targetPortal),
    ...(isLong ? [invalid(at.child('targetportal'), targetPortal, tooLong)] : []),
    ...(iqn === '' ? [required(at.child('iqn'))] : initiatorErrors(at.child('iqn'), iqn)),
    ...(lun < 0 || lun > 255 ? [invalid(at.child('lun'), lun, rangeMessage(0, 255))] : []),
    ...((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !secretRef ? [required(at.child('secretRef'))] : []),
    ...(secretRef ? need(at.child('secretRef', 'name'), secretRef.name) : []),
    ...(initiatorName === undefined ? [] : initiatorErrors(at.child('initiatorname'), initiatorName)),
  ];
}

const cinderErrors = (at: FieldPath, cinder: CinderPersistentVolumeSource): FieldError[] => [
  ...need(at.child('volumeID'), cinder.volumeID),
  ...needSecret(at.child('secretRef'), cinder.secretRef),
];

function storageOsErrors(at: FieldPath, source: StorageOSPersistentVolumeSource): FieldError[] {
  const { volumeName = '', volumeNamespace = '', secretRef } = source;
  return [
    ...(volumeName === '' ? [required(at.child('volumeName'))] : labelErrors(at.child('volumeName'), volumeName)),
    ...(volumeNamespace === '' ? [] : labelErrors(at.child('volumeNamespace'), volumeNamespace)),
    ...needSecret(at.child('secretRef'), secretRef),
  ];
}

function localErrors(at: FieldPath, { local }: PersistentVolumeSpec): FieldError[] {
  const path = local?.path ?? '';
  return path === '' ? [required(at.child('path'))] : noBacksteps(at.child('path'), path);
}

/** The sources that volumes have otherwise than pods. */
const ownChecks: Partial<Record<string, Check>> = {
  hostPath: (at, { hostPath }) => (hostPath ? validateHostPath(at, hostPath) : []),
  glusterfs: (at, { glusterfs }) => (glusterfs ? glusterfsErrors(at, glusterfs) : []),
  iscsi: (at, { iscsi }, name) => (iscsi ? iscsiErrors(at, iscsi, name) : []),
  cinder: (at, { cinder }) => (cinder ? cinderErrors(at, cinder) : []),
  azureFile: (at, { azureFile }) => [
    ...need(at.child('secretName'), azureFile?.secretName),
    ...need(at.child('shareName'), azureFile?.shareName),
    ...(azureFile?.secretNamespace === '' ? [required(at.child('secretNamespace'))] : []),
  ],
  local: localErrors,
  storageos: (at, { storageos }) => (storageos ? storageOsErrors(at, storageos) : []),
  csi: (at, { csi }) => (csi ? csiErrors(at, csi) : []),
};

/** The fields that name a source, of those that are set. */
export const sourcesOf = (spec: PersistentVolumeSpec): (typeof order)[number][] =>
  order.filter((field) => spec[field] !== undefined && spec[field] !== null);

function validateSource(
  at: FieldPath,
  field: (typeof order)[number],
  spec: PersistentVolumeSpec,
  name: string,
): FieldError[] {
  const own = ownChecks[field];
  if (own) return own(at, spec, name);
  const asInPods: Volume = { name, [field]: spec[field] };
  return remoteSourceChecks[field]?.(at, asInPods) ?? [];
}

/** Checks the sources of the volume of that name. */
export function validateSources(path: FieldPath, spec: PersistentVolumeSpec, name: string): FieldError[] {
  const sources = sourcesOf(spec);
  if (sources.length === 0) return [required(path, 'must specify a volume type')];
  return sources.flatMap((field, i) => {
    const names = pathNames[field];
    // Upstream never minds a flexVolume beside another source.
    if (i > 0 && field !== 'flexVolume') return [forbiddenField(path.child(names?.many ?? field), oneVolumeType)];
    const errors = validateSource(path.child(names?.one ?? field), field, spec, name);
    const isNowhere = field === 'local' && !spec.nodeAffinity;
    return isNowhere
      ? [...errors, required(path.child('nodeAffinity'), 'Local volume requires node affinity')]
      : errors;
  });
}
