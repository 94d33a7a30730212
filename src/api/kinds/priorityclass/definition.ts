// The PriorityClass kind. Follows pkg/registry/scheduling/priorityclass and pkg/apis/scheduling of v1.36.

import type { PriorityClass } from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { immutableField, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, metaOf, nameColumn, textColumn } from '../common.ts';
import { highestUserPriority, systemPrefix, systemPriorityClasses } from './system-classes.ts';

const policies = ['PreemptLowerPriority', 'Never'];
const at = (field: string): FieldPath => new FieldPath(field);

/** Why a class with a name of the system's is not the system's; undefined when it is. */
function notSystem({ metadata, value, globalDefault = false }: PriorityClass): string | undefined {
  const name = metadata?.name ?? '';
  const known = systemPriorityClasses.find((one) => one.metadata?.name === name);
  if (!known) return `${name} is not a known system priority class`;
  if (known.value !== value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validatePriorityClass(priorityClass: PriorityClass): FieldError[] {
  const { metadata, value = 0, preemptionPolicy } = priorityClass;
  const errors = validateObjectMeta(metaOf(priorityClass), false, nameIsSubdomain);
  if (metadata?.name?.startsWith(systemPrefix)) {
    const why = notSystem(priorityClass);
    const detail = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${why}`;
    if (why !== undefined) errors.push(forbiddenField(at('metadata').child('name'), detail));
  } else if (value > highestUserPriority) {
    const detail = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
    errors.push(forbiddenField(at('value'), detail));
  }
  if (preemptionPolicy === undefined || policies.includes(preemptionPolicy)) return errors;
  return [
    ...errors,
    String(preemptionPolicy) === ''
      ? required(at('preemptionPolicy'))
      : notSupported(at('preemptionPolicy'), preemptionPolicy, policies),
  ];
}

function validateUpdate(priorityClass: PriorityClass, old: PriorityClass): FieldError[] {
  return [
    ...validateObjectMetaUpdate(metaOf(priorityClass), metaOf(old)),
    ...(priorityClass.value === old.value ? [] : [forbiddenField(at('value'), 'may not be changed in an update.')]),
    ...immutableField(at('preemptionPolicy'), priorityClass.preemptionPolicy, old.preemptionPolicy),
  ];
}

export const priorityClassKind: KindDefinition<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  resource: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.scheduling.v1.PriorityClass',
  hasGeneration: true,
  defaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  strategy: { validateCreate: validatePriorityClass, validateUpdate },
  columns: [
    nameColumn,
    {
      name: 'Value',
      type: 'integer',
      description: 'The priority that pods of this class get.',
      priority: 0,
      cell: ({ value = 0 }) => value,
    },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods that name no class get this one.',
      priority: 0,
      cell: ({ globalDefault = false }) => globalDefault,
    },
    ageColumn,
    textColumn<PriorityClass>(
      'PreemptionPolicy',
      'Whether pods of this class may displace others.',
      ({ preemptionPolicy }) => preemptionPolicy ?? '',
    ),
  ],
};
