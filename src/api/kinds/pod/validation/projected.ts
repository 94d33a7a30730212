// Checks of projected volumes and of files that show fields of the pod. Follows pkg/apis/core/validation/validation.go of v1.36.

import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  PodCertificateProjection,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
} from '../../../generated/types.ts';
import {
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../../meta/errors.ts';
import { validateLabelSelector } from '../../../meta/validate-meta.ts';
import { namedBundleProblems, validateSignerName } from '../../../pki/signer-name.ts';
import { internalForm } from '../../internal-form.ts';
import { validateFieldRef, validateResourceFieldRef, volumeFields } from './env.ts';
import { itemErrors, modeErrors, need, nonReservedPath } from './shared.ts';

/** Checks one file of a downwardAPI volume; upstream's paths leave out its index. */
export function validateDownwardFile(path: FieldPath, file: DownwardAPIVolumeFile): FieldError[] {
  const errors = [...need(path.child('path'), file.path), ...nonReservedPath(path.child('path'), file.path ?? '')];
  if (file.fieldRef) {
    errors.push(...validateFieldRef(path.child('fieldRef'), file.fieldRef, volumeFields));
    if (file.resourceFieldRef) {
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (file.resourceFieldRef) {
    errors.push(...validateResourceFieldRef(path.child('resourceFieldRef'), file.resourceFieldRef, true));
  } else {
    errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
  return [...errors, ...modeErrors(path.child('mode'), file.mode)];
}

/** Remembers the files of the volume; a second one of the same path conflicts. `shown` is what the message names. */
class Paths {
  private readonly taken = new Set<string>();
  private readonly volume: FieldPath;

  constructor(volume: FieldPath) {
    this.volume = volume;
  }

  claim(file: string | undefined, shown: string | undefined = file): FieldError[] {
    return file ? this.take(file, shown) : [];
  }

  /** The same also of no path at all: upstream looks at that in trust bundles alone. */
  take(file: string, shown: string | undefined = file): FieldError[] {
    if (this.taken.has(file)) return [invalid(this.volume, shown ?? '', 'conflicting duplicate paths')];
    this.taken.add(file);
    return [];
  }
}

export function validateProjected(path: FieldPath, projected: ProjectedVolumeSource): FieldError[] {
  const paths = new Paths(path);
  const errors = modeErrors(path.child('defaultMode'), projected.defaultMode);
  projected.sources?.forEach((source, i) => {
    const at = path.child('sources').index(i);
    for (const kind of ['secret', 'configMap'] as const) {
      const from = source[kind];
      if (!from) continue;
      errors.push(...need(at.child(kind, 'name'), from.name), ...itemErrors(at.child(kind), from.items));
      for (const item of from.items ?? []) errors.push(...paths.claim(item.path, from.name ?? ''));
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...validateDownwardFile(at.child('downwardAPI'), file), ...paths.claim(file.path));
    }
    if (source.serviceAccountToken)
      errors.push(...validateToken(path, at.child('serviceAccountToken'), source.serviceAccountToken));
    if (source.clusterTrustBundle) {
      errors.push(...validateTrustBundle(at.child('clusterTrustBundle'), source.clusterTrustBundle));
      errors.push(...paths.take(source.clusterTrustBundle.path ?? ''));
    }
    if (source.podCertificate)
      errors.push(...validateCertificate(at.child('podCertificate'), source.podCertificate, paths));
    if (Object.values(source).filter((one) => one !== undefined && one !== null).length > 1) {
      errors.push(forbiddenField(at, 'may not specify more than 1 volume type per source'));
    }
  });
  return errors;
}

// Upstream puts errors of the token's path on the volume.
function validateToken(volume: FieldPath, path: FieldPath, token: ServiceAccountTokenProjection): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = token.expirationSeconds ?? 0;
  const at = path.child('expirationSeconds');
  if (seconds < 600) errors.push(invalid(at, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > 2 ** 32) errors.push(invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'));
  return [
    ...errors,
    ...(token.path ? nonReservedPath(volume.child('path'), token.path) : [required(volume.child('path'))]),
  ];
}

function validateTrustBundle(path: FieldPath, bundle: ClusterTrustBundleProjection): FieldError[] {
  const errors: FieldError[] = [];
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) {
    const detail = 'only one of name and signerName may be used';
    errors.push(invalid(path, internalForm('ClusterTrustBundleProjection', bundle), detail));
  } else if (name !== undefined) {
    if (name === '') errors.push(required(path.child('name'), 'must be a valid object name'));
    for (const problem of namedBundleProblems(name)) {
      errors.push(invalid(path.child('name'), name, `not a valid clustertrustbundlename: ${problem}`));
    }
    if (labelSelector) {
      errors.push(
        invalid(path.child('labelSelector'), labelSelector, 'labelSelector must be unset if name is specified'),
      );
    }
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(path.child('signerName'), 'must be a valid signer name'));
    errors.push(...validateSignerName(path.child('signerName'), signerName));
    errors.push(...validateLabelSelector(path.child('labelSelector'), labelSelector));
  } else {
    errors.push(required(path, 'either name or signerName must be specified'));
  }
  return [
    ...errors,
    ...need(path.child('path'), bundle.path),
    ...nonReservedPath(path.child('path'), bundle.path ?? ''),
  ];
}

const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const day = 86_400;

function validateCertificate(path: FieldPath, certificate: PodCertificateProjection, paths: Paths): FieldError[] {
  const { signerName = '', keyType = '', maxExpirationSeconds: most } = certificate;
  const errors = validateSignerName(path.child('signerName'), signerName);
  if (!keyTypes.includes(keyType)) errors.push(notSupported(path.child('keyType'), keyType, keyTypes));
  if (most !== undefined) {
    const at = path.child('maxExpirationSeconds');
    const domain = signerName.split('/')[0] ?? '';
    const limit = domain === 'kubernetes.io' || domain.endsWith('.kubernetes.io') ? day : 91 * day;
    if (most < 3600) errors.push(invalid(at, most, 'if provided, maxExpirationSeconds must be >= 3600'));
    if (most > limit) errors.push(invalid(at, most, `if provided, maxExpirationSeconds must be <= ${limit}`));
  }
  const fields = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  for (const field of fields) {
    const file = certificate[field];
    if (file) errors.push(...nonReservedPath(path.child(field), file), ...paths.claim(file));
  }
  if (!fields.some((field) => certificate[field])) {
    errors.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
  }
  return errors;
}
