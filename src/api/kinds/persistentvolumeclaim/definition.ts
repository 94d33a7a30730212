// The PersistentVolumeClaim kind. Follows pkg/registry/core/persistentvolumeclaim of v1.36.

import type { PersistentVolumeClaim } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';
import { canonicalQuantity, formatQuantity, parseQuantity } from '../../meta/quantity.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { accessModesText } from '../../storage/access-modes.ts';
import { claimClass, classAnnotation } from '../../storage/storage-class-of.ts';
import { ageColumn, allVerbs, assign, nameColumn, statusVerbs, textColumn } from '../common.ts';
import { canonicalizeList } from '../pod/default-helpers.ts';
import { agreeSources, dropSources } from './data-sources.ts';
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from './validate.ts';

function warnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  const found: string[] = [];
  if (metadata?.annotations?.[classAnnotation] !== undefined) {
    const at = new FieldPath('metadata').child('annotations').key(classAnnotation);
    found.push(`${at.text}: deprecated since v1.8; use "storageClassName" attribute instead`);
  }
  for (const list of ['requests', 'limits'] as const) {
    const size = spec?.resources?.[list]?.['storage'];
    if (size === undefined || parseQuantity(size).nanos % 1_000_000_000n === 0n) continue;
    const at = new FieldPath('spec').child('resources', list).key('storage');
    const text = goQuote(formatQuantity(parseQuantity(size)));
    found.push(`${at.text}: fractional byte value ${text} is invalid, must be an integer`);
  }
  return found;
}

const strategy: Strategy<PersistentVolumeClaim> = {
  resetFields: [['status']],
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    const spec = (claim.spec ??= {});
    dropSources(spec);
    agreeSources(spec);
  },
  validateCreate: validateClaim,
  prepareForUpdate(claim, old) {
    assign(claim, 'status', old.status);
    const spec = (claim.spec ??= {});
    dropSources(spec, old.spec);
    agreeSources(spec);
  },
  validateUpdate: validateClaimUpdate,
  warnings,
};

const statusStrategy: Strategy<PersistentVolumeClaim> = {
  resetFields: [['spec']],
  validateCreate: () => [],
  prepareForUpdate(claim, old) {
    assign(claim, 'spec', old.spec);
  },
  validateUpdate: validateClaimStatusUpdate,
};

const unset = '<unset>';

function phaseOf({ metadata, status }: PersistentVolumeClaim): string {
  return metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating';
}

/** What the volume has, once there is one. */
const capacityOf = ({ spec, status }: PersistentVolumeClaim): string =>
  spec?.volumeName ? canonicalQuantity(status?.capacity?.['storage'] ?? '0') : '';

export const persistentVolumeClaimKind: KindDefinition<PersistentVolumeClaim> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  singular: 'persistentvolumeclaim',
  shortNames: ['pvc'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.PersistentVolumeClaim',
  defaults({ spec, status = {} }) {
    status.phase ||= 'Pending';
    if (spec) spec.volumeMode ??= 'Filesystem';
    canonicalizeList(spec?.resources?.limits);
    canonicalizeList(spec?.resources?.requests);
    canonicalizeList(status.capacity);
    canonicalizeList(status.allocatedResources);
  },
  strategy,
  columns: [
    nameColumn,
    textColumn<PersistentVolumeClaim>('Status', 'Whether it has a volume.', phaseOf),
    textColumn<PersistentVolumeClaim>('Volume', 'The volume that it has.', ({ spec }) => spec?.volumeName ?? ''),
    textColumn<PersistentVolumeClaim>('Capacity', 'The size of its volume.', capacityOf),
    textColumn<PersistentVolumeClaim>('Access Modes', 'How its volume may be used.', ({ spec, status }) =>
      spec?.volumeName ? accessModesText(status?.accessModes) : '',
    ),
    textColumn<PersistentVolumeClaim>('StorageClass', 'The class of volumes that it asks for.', claimClass),
    textColumn<PersistentVolumeClaim>(
      'VolumeAttributesClass',
      'The class of attributes that its volume is to have.',
      ({ spec }) => spec?.volumeAttributesClassName ?? unset,
    ),
    ageColumn,
    textColumn<PersistentVolumeClaim>(
      'VolumeMode',
      'Whether it is used as files or as a device.',
      ({ spec }) => spec?.volumeMode ?? unset,
      true,
    ),
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
