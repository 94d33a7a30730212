// Checks of a PersistentVolumeClaim's spec, its own or that of a template in a pod.
// Follows ValidatePersistentVolumeClaimSpec in pkg/apis/core/validation/validation.go of v1.36.

import type {
  PersistentVolumeClaimSpec,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, type FieldPath, invalid, required } from '../../meta/errors.ts';
import { dns1123Subdomain, nameIsLabel, nameIsSubdomain } from '../../meta/names.ts';
import { invalidEach, validateLabelSelector } from '../../meta/validate-meta.ts';
import { positiveQuantity, validateAccessModes, volumeModes } from '../persistentvolume/checks.ts';
import { need, oneOf } from '../pod/validation/shared.ts';

function sourceErrors(
  at: FieldPath,
  { name, kind, apiGroup = '', namespace }: TypedLocalObjectReference & Pick<TypedObjectReference, 'namespace'>,
): FieldError[] {
  const isClaim = apiGroup !== '' || kind === 'PersistentVolumeClaim';
  const otherKind = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
  return [
    ...need(at.child('name'), name),
    ...need(at.child('kind'), kind),
    ...(isClaim ? [] : [invalid(at, kind ?? '', otherKind)]),
    ...(apiGroup === '' ? [] : invalidEach(at.child('apiGroup'), apiGroup, dns1123Subdomain(apiGroup))),
    ...(namespace ? invalidEach(at.child('namespace'), namespace, nameIsLabel(namespace, false)) : []),
  ];
}

/** Upstream shows the path where the value should be. */
function bothSourcesErrors(path: FieldPath, { dataSource, dataSourceRef }: PersistentVolumeClaimSpec): FieldError[] {
  if (!dataSource || !dataSourceRef) return [];
  const wrong = (why: string): FieldError[] => [invalid(path, {}, why)];
  if (dataSourceRef.namespace) return wrong('may not be specified when dataSourceRef.namespace is specified');
  const same = (['apiGroup', 'kind', 'name'] as const).every((field) =>
    equalJson(dataSource[field], dataSourceRef[field]),
  );
  return same ? [] : wrong('must match dataSourceRef');
}

const className = (at: FieldPath, name: string | undefined): FieldError[] =>
  name ? invalidEach(at, name, nameIsSubdomain(name, false)) : [];

export function validateClaimSpec(path: FieldPath, spec: PersistentVolumeClaimSpec = {}): FieldError[] {
  const { accessModes = [], selector, resources, volumeMode, dataSource, dataSourceRef } = spec;
  const storage = resources?.requests?.['storage'];
  const at = path.child('resources').key('storage');
  return [
    ...(accessModes.length === 0 ? [required(path.child('accessModes'), 'at least 1 access mode is required')] : []),
    ...(selector ? validateLabelSelector(path.child('selector'), selector) : []),
    ...validateAccessModes(path.child('accessModes'), accessModes),
    ...(storage === undefined ? [required(at)] : positiveQuantity(at, storage)),
    ...className(path.child('storageClassName'), spec.storageClassName),
    ...(volumeMode === undefined ? [] : oneOf(path.child('volumeMode'), volumeMode, volumeModes)),
    ...(dataSource ? sourceErrors(path.child('dataSource'), dataSource) : []),
    ...(dataSourceRef ? sourceErrors(path.child('dataSourceRef'), dataSourceRef) : []),
    ...bothSourcesErrors(path, spec),
    ...className(path.child('volumeAttributesClassName'), spec.volumeAttributesClassName),
  ];
}
