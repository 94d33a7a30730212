// The CSIStorageCapacity kind. Follows pkg/registry/storage/csistoragecapacity and pkg/apis/storage/validation of v1.36.

import type { CSIStorageCapacity } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { canonicalQuantity, formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import {
  immutableMessage,
  invalidEach,
  negativeMessage,
  validateLabelSelector,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { labelSelectorWarnings } from '../../placement/deprecated-labels.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, idle, metaOf } from '../common.ts';

const at = (field: string): FieldPath => new FieldPath(field);

function validate(object: CSIStorageCapacity): FieldError[] {
  const { storageClassName = '', nodeTopology, capacity } = object;
  const errors = [
    ...validateObjectMeta(metaOf(object), true, nameIsSubdomain),
    ...validateLabelSelector(new FieldPath('nodeTopology'), nodeTopology),
    ...invalidEach(at('storageClassName'), storageClassName, nameIsSubdomain(storageClassName, false)),
  ];
  if (capacity === undefined) return errors;
  const quantity = parseQuantity(capacity);
  return quantity.nanos < 0n ? [...errors, invalid(at('capacity'), formatQuantity(quantity), negativeMessage)] : errors;
}

function validateUpdate(object: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  const errors = [...validateObjectMetaUpdate(metaOf(object), metaOf(old)), ...validate(object)];
  if (!equalJson(object.nodeTopology, old.nodeTopology))
    errors.push(invalid(at('nodeTopology'), object.nodeTopology, immutableMessage));
  if (object.storageClassName !== old.storageClassName)
    errors.push(invalid(at('storageClassName'), object.storageClassName, immutableMessage));
  return errors;
}

export const csiStorageCapacityKind: KindDefinition<CSIStorageCapacity> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  singular: 'csistoragecapacity',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.CSIStorageCapacity',
  defaults(object) {
    for (const field of ['capacity', 'maximumVolumeSize'] as const) {
      const value = object[field];
      if (value !== undefined) object[field] = canonicalQuantity(value);
    }
  },
  strategy: {
    validateCreate: validate,
    validateUpdate,
    warnings: ({ nodeTopology }, old) => [
      ...labelSelectorWarnings(at('nodeTopology'), nodeTopology),
      ...(old === undefined ? [idle('capacity', 'the scheduler places no volumes yet')] : []),
    ],
    allowUnconditionalUpdate: false,
  },
};
