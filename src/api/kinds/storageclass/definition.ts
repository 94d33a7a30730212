// The StorageClass kind. Follows pkg/registry/storage/storageclass of v1.36.

import type { StorageClass } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { labelWarnings } from '../../placement/deprecated-labels.ts';
import type { KindDefinition } from '../../scheme.ts';
import { isDefaultStorageClass } from '../../storage/default-class.ts';
import { ageColumn, allVerbs, booleanColumn, nameColumn, textColumn } from '../common.ts';
import { validateStorageClass, validateStorageClassUpdate } from './validate.ts';

export const storageClassKind: KindDefinition<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  resource: 'storageclasses',
  singular: 'storageclass',
  shortNames: ['sc'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.StorageClass',
  defaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  strategy: {
    validateCreate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
    warnings: ({ allowedTopologies = [] }) =>
      allowedTopologies.flatMap(({ matchLabelExpressions = [] }, i) => {
        const expressions = new FieldPath('allowedTopologies').index(i).child('matchLabelExpressions');
        return matchLabelExpressions.flatMap(({ key }, j) => labelWarnings(expressions.index(j).child('key'), key));
      }),
  },
  columns: [
    {
      ...nameColumn,
      cell: (object) => `${object.metadata?.name ?? ''}${isDefaultStorageClass(object) ? ' (default)' : ''}`,
    },
    textColumn<StorageClass>('Provisioner', 'Who makes its volumes.', ({ provisioner }) => provisioner),
    textColumn<StorageClass>(
      'ReclaimPolicy',
      'What becomes of a volume when its claim goes.',
      ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete',
    ),
    textColumn<StorageClass>(
      'VolumeBindingMode',
      'Whether a claim gets its volume at once, or with its first pod.',
      ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
    ),
    {
      ...booleanColumn<StorageClass>(
        'AllowVolumeExpansion',
        'Whether claims may grow.',
        ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
      ),
      // Upstream says so of true and false.
      type: 'string',
    },
    ageColumn,
  ],
};
