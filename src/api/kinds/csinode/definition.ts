// The CSINode kind: the CSI drivers of a node. Follows pkg/registry/storage/csinode and pkg/apis/storage/validation of v1.36.

import type { CSINode, CSINodeDriver } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { duplicate, type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import {
  immutableMessage,
  invalidEach,
  nonNegative,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, integerColumn, metaOf, nameColumn } from '../common.ts';
import { internalForm } from '../internal-form.ts';
import { driverNameErrors } from '../pod/validation/remote-volumes.ts';

const path = new FieldPath('spec').child('drivers');
const maxNodeIdBytes = 256;

const driversOf = ({ spec }: CSINode): readonly CSINodeDriver[] => spec?.drivers ?? [];

function validateNodeId(at: FieldPath, id: string): FieldError[] {
  if (id === '') return [required(at)];
  return byteLength(id) > maxNodeIdBytes ? [invalid(at, id, `must be ${maxNodeIdBytes} characters or less`)] : [];
}

function validateDriver(
  at: FieldPath,
  { name = '', nodeID = '', allocatable, topologyKeys = [] }: CSINodeDriver,
): FieldError[] {
  return [
    ...driverNameErrors(at.child('name'), name),
    ...validateNodeId(at.child('nodeID'), nodeID),
    ...nonNegative(at.child('allocatable', 'count'), allocatable?.count),
    ...topologyKeys.flatMap((key, i) => [
      ...(key === '' ? [required(at)] : []),
      ...(topologyKeys.indexOf(key) < i ? [duplicate(at, key)] : []),
      ...invalidEach(at, key, qualifiedName(key)),
    ]),
  ];
}

function validate(object: CSINode): FieldError[] {
  const seen = new Set<string>();
  return [
    ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
    ...driversOf(object).flatMap((driver, i) => {
      const errors = validateDriver(path.index(i), driver);
      if (seen.has(driver.name)) errors.push(duplicate(path.index(i).child('name'), driver.name));
      seen.add(driver.name);
      return errors;
    }),
  ];
}

/** A driver stays as it is, but for how many volumes it takes. */
function validateUpdate(object: CSINode, old: CSINode): FieldError[] {
  const changed = driversOf(old).flatMap((before) =>
    driversOf(object).flatMap((driver) => {
      const { allocatable: _, ...now } = driver;
      const { allocatable: __, ...was } = before;
      return driver.name !== before.name || equalJson(now, was)
        ? []
        : [invalid(path, internalForm('CSINodeDriver', now), immutableMessage)];
    }),
  );
  return [...validateObjectMetaUpdate(metaOf(object), metaOf(old)), ...validate(object), ...changed];
}

export const csiNodeKind: KindDefinition<CSINode> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  resource: 'csinodes',
  singular: 'csinode',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.CSINode',
  strategy: { validateCreate: validate, validateUpdate, allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    integerColumn<CSINode>('Drivers', 'How many CSI drivers the node has.', (object) => driversOf(object).length),
    ageColumn,
  ],
};
