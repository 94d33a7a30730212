// Checks of a pod's volumes: names, one source each, and the sources that a node serves by itself.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type {
  ConfigMapVolumeSource,
  EphemeralVolumeSource,
  HostPathVolumeSource,
  ImageVolumeSource,
  ObjectMeta,
  SecretVolumeSource,
  Volume,
} from '../../../generated/types.ts';
import { duplicate, type FieldError, FieldPath, forbiddenField, invalid, required } from '../../../meta/errors.ts';
import { goQuote } from '../../../meta/go-format.ts';
import { nameIsSubdomain } from '../../../meta/names.ts';
import { compareQuantity, parseQuantity } from '../../../meta/quantity.ts';
import { validateAnnotations, validateLabels } from '../../../meta/validate-meta.ts';
import { validateClaimSpec } from '../../persistentvolumeclaim/validate-spec.ts';
import { validateDownwardFile, validateProjected } from './projected.ts';
import { remoteSourceChecks } from './remote-volumes.ts';
import {
  descendingPath,
  itemErrors,
  labelErrors,
  modeErrors,
  need,
  noBacksteps,
  oneOf,
  oneVolumeType,
  requiredOneOf,
} from './shared.ts';

const zero = parseQuantity('0');

/** Checks the list; gives the valid ones by name, which mounts may refer to. */
export function validateVolumes(
  path: FieldPath,
  volumes: readonly Volume[] | undefined,
  podName: string,
): { volumes: Map<string, Volume>; errors: FieldError[] } {
  const list = volumes ?? [];
  const valid = new Map<string, Volume>();
  const errors: FieldError[] = [];
  const made = new Set(podName ? list.filter((one) => one.ephemeral).map((one) => `${podName}-${one.name}`) : []);
  list.forEach((volume, i) => {
    const at = path.index(i);
    const name = volume.name ?? '';
    const found = validateSource(at, volume, podName);
    found.push(...(name ? labelErrors(at.child('name'), name) : [required(at.child('name'))]));
    if (valid.has(name)) found.push(duplicate(at.child('name'), name));
    if (found.length === 0) valid.set(name, volume);
    errors.push(...found);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && made.has(claim)) {
      const detail = 'must not reference a PVC that gets created for an ephemeral volume';
      errors.push(invalid(at.child('persistentVolumeClaim', 'claimName'), claim, detail));
    }
  });
  return { volumes: valid, errors };
}

type Check = (path: FieldPath, volume: Volume, podName: string) => FieldError[];

/** In upstream's order; the second name is the one it uses for the source's own path. */
const localChecks: Record<string, Check> = {
  hostPath: (path, { hostPath }) => (hostPath ? validateHostPath(path, hostPath) : []),
  gitRepo: (path, { gitRepo }) => [
    ...need(path.child('repository'), gitRepo?.repository),
    ...descendingPath(path.child('directory'), gitRepo?.directory ?? ''),
  ],
  secret: (path, { secret }) => (secret ? validateSecretSource(path, secret) : []),
  persistentVolumeClaim: (path, volume) => need(path.child('claimName'), volume.persistentVolumeClaim?.claimName),
  downwardAPI: (path, { downwardAPI }) => [
    ...modeErrors(path.child('defaultMode'), downwardAPI?.defaultMode),
    ...(downwardAPI?.items ?? []).flatMap((file) => validateDownwardFile(path, file)),
  ],
  configMap: (path, { configMap }) => (configMap ? validateConfigMapSource(path, configMap) : []),
  projected: (path, { projected }) => (projected ? validateProjected(path, projected) : []),
  ephemeral: (path, volume, podName) =>
    volume.ephemeral ? validateEphemeral(path, volume.ephemeral, volume.name ?? '', podName) : [],
  image: (path, { image }) => (image ? validateImage(path, image) : []),
};

const order = [
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
];

// Where upstream's paths are not the field's name.
const pathNames: Record<string, { one?: string; many?: string }> = {
  gcePersistentDisk: { one: 'persistentDisk' },
  cephfs: { many: 'cephFS' },
  downwardAPI: { many: 'downwarAPI' },
};

function validateSource(path: FieldPath, volume: Volume, podName: string): FieldError[] {
  const errors: FieldError[] = [];
  let sources = 0;
  const limit = volume.emptyDir?.sizeLimit;
  if (volume.emptyDir) sources++;
  if (limit !== undefined && compareQuantity(parseQuantity(limit), zero) < 0) {
    const detail = 'SizeLimit field must be a valid resource quantity';
    errors.push(forbiddenField(path.child('emptyDir', 'sizeLimit'), detail));
  }
  const given = new Set(
    Object.entries(volume)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key]) => key),
  );
  for (const name of order) {
    if (!given.has(name)) continue;
    const names = pathNames[name];
    if (sources > 0) errors.push(forbiddenField(path.child(names?.many ?? name), oneVolumeType));
    else {
      const check = localChecks[name] ?? remoteSourceChecks[name];
      errors.push(...(check?.(path.child(names?.one ?? name), volume, podName) ?? []));
    }
    sources++;
  }
  if (volume.iscsi?.initiatorName !== undefined && `${volume.name}:${volume.iscsi.targetPortal}`.length > 64) {
    const detail =
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
    errors.push(invalid(path.child('name'), volume.name, detail));
  }
  if (sources === 0) errors.push(required(path, 'must specify a volume type'));
  return errors;
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Checks a path of the host, and what is to be there. */
export function validateHostPath(path: FieldPath, { path: target, type = '' }: HostPathVolumeSource): FieldError[] {
  if (!target) return [required(path.child('path'))];
  return [...noBacksteps(path.child('path'), target), ...oneOf(path.child('type'), type, hostPathTypes)];
}

const validateSecretSource = (path: FieldPath, source: SecretVolumeSource): FieldError[] => [
  ...need(path.child('secretName'), source.secretName),
  ...modeErrors(path.child('defaultMode'), source.defaultMode),
  ...itemErrors(path, source.items),
];

const validateConfigMapSource = (path: FieldPath, source: ConfigMapVolumeSource): FieldError[] => [
  ...need(path.child('name'), source.name),
  ...modeErrors(path.child('defaultMode'), source.defaultMode),
  ...itemErrors(path, source.items),
];

const validateImage = (path: FieldPath, image: ImageVolumeSource): FieldError[] => [
  ...need(path.child('reference'), image.reference),
  ...requiredOneOf(path.child('pullPolicy'), image.pullPolicy, ['Always', 'IfNotPresent', 'Never']),
];

function validateEphemeral(
  path: FieldPath,
  source: EphemeralVolumeSource,
  name: string,
  podName: string,
): FieldError[] {
  const template = source.volumeClaimTemplate;
  const at = path.child('volumeClaimTemplate');
  const errors: FieldError[] = template
    ? [
        ...templateMetaErrors(at.child('metadata'), template.metadata),
        ...validateClaimSpec(at.child('spec'), template.spec),
      ]
    : [required(at)];
  if (podName && name) {
    const claim = `${podName}-${name}`;
    for (const message of nameIsSubdomain(claim, false)) {
      const volumePath = new FieldPath(path.text.replace(/\.ephemeral$/, ''));
      errors.push(invalid(volumePath.child('name'), name, `PVC name ${goQuote(claim)}: ${message}`));
    }
  }
  return errors;
}

function templateMetaErrors(path: FieldPath, meta: ObjectMeta | undefined): FieldError[] {
  const errors = [
    ...validateAnnotations(path.child('annotations'), meta?.annotations),
    ...validateLabels(path.child('labels'), meta?.labels),
  ];
  for (const [field, value] of Object.entries(meta ?? {})) {
    if (field !== 'annotations' && field !== 'labels' && value)
      errors.push(forbiddenField(path.child(field), 'cannot be set'));
  }
  return errors;
}
