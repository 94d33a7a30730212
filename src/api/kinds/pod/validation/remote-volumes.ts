// Checks of volume sources that other machines serve: nfs, iscsi, csi and the old in-tree names.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type {
  AzureDiskVolumeSource,
  CSIVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  ISCSIVolumeSource,
  QuobyteVolumeSource,
  Volume,
} from '../../../generated/types.ts';
import { type FieldError, type FieldPath, invalid, notSupported, required, tooLong } from '../../../meta/errors.ts';
import { byteLength } from '../../../meta/go-format.ts';
import { dns1123Subdomain, nameIsSubdomain, rangeMessage } from '../../../meta/names.ts';
import { invalidEach } from '../../../meta/validate-meta.ts';
import { labelErrors, need, oneOf } from './shared.ts';

type Check = (path: FieldPath, volume: Volume) => FieldError[];

const partition = (path: FieldPath, value = 0): FieldError[] =>
  value < 0 || value > 255 ? [invalid(path, value, rangeMessage(1, 255))] : [];

const lunErrors = (path: FieldPath, lun: number): FieldError[] =>
  lun < 0 || lun > 255 ? [invalid(path, lun, rangeMessage(0, 255))] : [];

const secretName = (path: FieldPath, reference: { name?: string } | undefined): FieldError[] =>
  reference ? need(path.child('secretRef', 'name'), reference.name) : [];

/** Names of iSCSI initiators and targets, by how they begin. */
export const initiators: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([\p{L}\p{N}\-.]+)(:[^,;*&$|\s]+)$/u,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function initiatorErrors(path: FieldPath, name: string): FieldError[] {
  const pattern = initiators[name.slice(0, 3)];
  if (!pattern) return [invalid(path, name, 'must be valid format starting with iqn, eui, or naa')];
  return pattern.test(name) ? [] : [invalid(path, name, 'must be valid format')];
}

function iscsiErrors(path: FieldPath, iscsi: ISCSIVolumeSource): FieldError[] {
  const errors = need(path.child('targetPortal'), iscsi.targetPortal);
  errors.push(...(iscsi.iqn ? initiatorErrors(path.child('iqn'), iscsi.iqn) : [required(path.child('iqn'))]));
  errors.push(...lunErrors(path.child('lun'), iscsi.lun ?? 0));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef)
    errors.push(required(path.child('secretRef')));
  if (iscsi.initiatorName !== undefined)
    errors.push(...initiatorErrors(path.child('initiatorname'), iscsi.initiatorName));
  return errors;
}

function fcErrors(path: FieldPath, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  const at = path.child('targetWWNs');
  if (targetWWNs.length + wwids.length === 0)
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  if (targetWWNs.length && wwids.length) {
    errors.push(invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  }
  if (targetWWNs.length) {
    if (lun === undefined) errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'));
    else errors.push(...lunErrors(path.child('lun'), lun));
  }
  return errors;
}

function flockerErrors(path: FieldPath, { datasetName = '', datasetUUID = '' }: FlockerVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  if (!datasetName && !datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) {
    errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName.includes('/')) errors.push(invalid(path.child('datasetName'), datasetName, "must not contain '/'"));
  return errors;
}

function quobyteErrors(path: FieldPath, { registry, tenant = '', volume }: QuobyteVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  const detail = 'must be a host:port pair or multiple pairs separated by commas';
  if (!registry) errors.push(required(path.child('registry'), detail));
  else if (byteLength(tenant) >= 65) {
    errors.push(required(path.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    const pair = /^(\[[^\][]*\]|[^:[\]]*):[^:[\]]*$/;
    for (const one of registry.split(','))
      if (!pair.test(one)) errors.push(invalid(path.child('registry'), registry, detail));
  }
  return [...errors, ...need(path.child('volume'), volume)];
}

const managedUri = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobUri = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function azureDiskErrors(path: FieldPath, disk: AzureDiskVolumeSource): FieldError[] {
  const errors = [...need(path.child('diskName'), disk.diskName), ...need(path.child('diskURI'), disk.diskURI)];
  const uri = disk.diskURI ?? '';
  if (disk.cachingMode !== undefined)
    errors.push(...oneOf(path.child('cachingMode'), disk.cachingMode, ['None', 'ReadOnly', 'ReadWrite']));
  if (disk.kind === undefined) return errors;
  errors.push(...oneOf(path.child('kind'), disk.kind, ['Dedicated', 'Managed', 'Shared']));
  const managed = disk.kind === 'Managed';
  if (!uri.startsWith(managed ? '/subscriptions/' : 'https://')) {
    errors.push(notSupported(path.child('diskURI'), uri, [managed ? managedUri : blobUri]));
  }
  return errors;
}

/** The name of a CSI driver: a DNS subdomain of at most 63 bytes, whatever the case. */
export function driverNameErrors(path: FieldPath, driver: string): FieldError[] {
  if (driver === '') return [required(path)];
  return [
    ...(byteLength(driver) > 63 ? [tooLong(path, 63)] : []),
    ...invalidEach(path, driver, dns1123Subdomain(driver.toLowerCase())),
  ];
}

function csiErrors(path: FieldPath, { driver, nodePublishSecretRef: secret }: CSIVolumeSource): FieldError[] {
  const errors = driverNameErrors(path.child('driver'), driver ?? '');
  if (secret && !secret.name) errors.push(required(path.child('nodePublishSecretRef', 'name')));
  // Upstream's path for a bad name is short of the reference.
  if (secret?.name) errors.push(...invalidEach(path.child('name'), secret.name, nameIsSubdomain(secret.name, false)));
  return errors;
}

function flexErrors(path: FieldPath, driver: string | undefined, options: Record<string, string>): FieldError[] {
  const reserved = Object.keys(options).filter((key) =>
    /\.(kubernetes|k8s)\.io$/.test(`.${(key.split('/')[0] ?? '').toLowerCase()}`),
  );
  return [
    ...need(path.child('driver'), driver),
    ...reserved.map((key) =>
      invalid(path.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'),
    ),
  ];
}

/** The check of each source by its field's name. */
export const remoteSourceChecks: Readonly<Record<string, Check>> = {
  gcePersistentDisk: (path, { gcePersistentDisk: disk }) => [
    ...need(path.child('pdName'), disk?.pdName),
    ...partition(path.child('partition'), disk?.partition),
  ],
  awsElasticBlockStore: (path, { awsElasticBlockStore: disk }) => [
    ...need(path.child('volumeID'), disk?.volumeID),
    ...partition(path.child('partition'), disk?.partition),
  ],
  nfs: (path, { nfs }) => [
    ...need(path.child('server'), nfs?.server),
    ...need(path.child('path'), nfs?.path),
    ...(nfs?.path?.startsWith('/') ? [] : [invalid(path.child('path'), nfs?.path ?? '', 'must be an absolute path')]),
  ],
  iscsi: (path, { iscsi }) => (iscsi ? iscsiErrors(path, iscsi) : []),
  glusterfs: (path, { glusterfs }) => [
    ...need(path.child('endpoints'), glusterfs?.endpoints),
    ...need(path.child('path'), glusterfs?.path),
  ],
  flocker: (path, { flocker }) => (flocker ? flockerErrors(path, flocker) : []),
  rbd: (path, { rbd }) => [...need(path.child('monitors'), rbd?.monitors), ...need(path.child('image'), rbd?.image)],
  cinder: (path, { cinder }) => [
    ...need(path.child('volumeID'), cinder?.volumeID),
    ...secretName(path, cinder?.secretRef),
  ],
  cephfs: (path, { cephfs }) => need(path.child('monitors'), cephfs?.monitors),
  quobyte: (path, { quobyte }) => (quobyte ? quobyteErrors(path, quobyte) : []),
  fc: (path, { fc }) => (fc ? fcErrors(path, fc) : []),
  flexVolume: (path, { flexVolume }) => flexErrors(path, flexVolume?.driver, flexVolume?.options ?? {}),
  azureFile: (path, { azureFile }) => [
    ...need(path.child('secretName'), azureFile?.secretName),
    ...need(path.child('shareName'), azureFile?.shareName),
  ],
  vsphereVolume: (path, { vsphereVolume }) => need(path.child('volumePath'), vsphereVolume?.volumePath),
  photonPersistentDisk: (path, { photonPersistentDisk }) => need(path.child('pdID'), photonPersistentDisk?.pdID),
  portworxVolume: (path, { portworxVolume }) => need(path.child('volumeID'), portworxVolume?.volumeID),
  azureDisk: (path, { azureDisk }) => (azureDisk ? azureDiskErrors(path, azureDisk) : []),
  storageos: (path, { storageos }) => [
    ...(storageos?.volumeName
      ? labelErrors(path.child('volumeName'), storageos.volumeName)
      : [required(path.child('volumeName'))]),
    ...(storageos?.volumeNamespace ? labelErrors(path.child('volumeNamespace'), storageos.volumeNamespace) : []),
    ...secretName(path, storageos?.secretRef),
  ],
  scaleIO: (path, { scaleIO }) => [
    ...need(path.child('gateway'), scaleIO?.gateway),
    ...need(path.child('system'), scaleIO?.system),
    ...need(path.child('volumeName'), scaleIO?.volumeName),
  ],
  csi: (path, { csi }) => (csi ? csiErrors(path, csi) : []),
};
