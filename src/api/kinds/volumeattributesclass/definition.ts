// The VolumeAttributesClass kind. Follows pkg/registry/storage/volumeattributesclass and pkg/apis/storage/validation of v1.36.

import type { VolumeAttributesClass } from '../../generated/types.ts';
import { type FieldError, FieldPath } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, metaOf, nameColumn, textColumn } from '../common.ts';
import { noUpdate, validateParameters, validateProvisioner } from '../storageclass/validate.ts';

const defaultAnnotation = 'volumeattributesclass.alpha.kubernetes.io/is-default-class';

const validate = (object: VolumeAttributesClass): FieldError[] => [
  ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
  ...validateProvisioner(new FieldPath('driverName'), object.driverName),
  ...validateParameters(object.parameters, true),
];

export const volumeAttributesClassKind: KindDefinition<VolumeAttributesClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  resource: 'volumeattributesclasses',
  singular: 'volumeattributesclass',
  shortNames: ['vac'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.VolumeAttributesClass',
  strategy: {
    validateCreate: validate,
    validateUpdate: (object, old) => [
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...noUpdate('driverName', object.driverName, old.driverName),
      ...noUpdate('parameters', object.parameters, old.parameters),
      ...validate(object),
    ],
  },
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) =>
        `${metadata?.name ?? ''}${metadata?.annotations?.[defaultAnnotation] === 'true' ? ' (default)' : ''}`,
    },
    textColumn<VolumeAttributesClass>('DriverName', 'The driver of its volumes.', ({ driverName }) => driverName),
    ageColumn,
  ],
};
