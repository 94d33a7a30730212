// The ControllerRevision kind. Follows pkg/registry/apps/controllerrevision and pkg/apis/apps/validation of v1.36.

import type { ControllerRevision } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import {
  immutableMessage,
  nonNegative,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, metaOf, nameColumn, textColumn } from '../common.ts';

const dataPath = new FieldPath('data');

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function validate(object: ControllerRevision): FieldError[] {
  const { revision } = object;
  return [
    ...validateObjectMeta(metaOf(object), true, nameIsSubdomain),
    ...nonNegative(new FieldPath('revision'), revision),
  ];
}

/** A new one holds an object; older versions let in other values. */
function validateCreate(object: ControllerRevision): FieldError[] {
  const { data } = object;
  if (data === undefined || data === null) return [...validate(object), required(dataPath, 'data is mandatory')];
  return [...validate(object), ...(isObject(data) ? [] : [required(dataPath, 'data must be a valid JSON object')])];
}

/** The owner that controls it, as kind.group/name. */
function controllerText({ metadata }: ControllerRevision): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  if (owner === undefined) return '<none>';
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${(group ? `${owner.kind}.${group}` : owner.kind).toLowerCase()}/${owner.name}`;
}

export const controllerRevisionKind: KindDefinition<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  singular: 'controllerrevision',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.apps.v1.ControllerRevision',
  strategy: {
    validateCreate,
    validateUpdate: (object, old) => [
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...validate(object),
      ...(equalJson(object.data, old.data) ? [] : [invalid(dataPath, object.data, immutableMessage)]),
    ],
  },
  columns: [
    nameColumn,
    textColumn<ControllerRevision>('Controller', 'Who keeps its history so.', controllerText),
    {
      name: 'Revision',
      type: 'string',
      description: 'Its place in the history.',
      priority: 0,
      cell: ({ revision }: ControllerRevision) => revision,
    },
    ageColumn,
  ],
};
