// Validation of FlowSchemas. Follows pkg/apis/flowcontrol/validation/validation.go of v1.36.

import type {
  FlowSchema,
  FlowSchemaSpec,
  FlowcontrolV1Subject,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../meta/errors.ts';
import { nameIsLabel, nameIsSubdomain } from '../../meta/names.ts';
import { invalidEach, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { internalForm } from '../internal-form.ts';
import { mandatoryFlowSchemas } from './system-flow-schemas.ts';

const specPath = new FieldPath('spec');
const lastPrecedence = 10_000;
const methods = ['ByNamespace', 'ByUser'];
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const subjectKinds = ['Group', 'ServiceAccount', 'User'];
/** Of a subject, the field that its kind fills. */
const subjectFields = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;

const hasWildcard = (list: readonly string[]): boolean => list.includes('*');

function validateVerbs(at: FieldPath, list: readonly string[]): FieldError[] {
  if (list.length === 0) return [required(at, 'verbs must contain at least one value')];
  if (hasWildcard(list))
    return list.length > 1 ? [invalid(at, list, "if '*' is present, must not specify other verbs")] : [];
  return list.every((verb) => verbs.includes(verb)) ? [] : [notSupported(at, list, verbs)];
}

/** A path below / with a wildcard, if any, for its whole last part. */
function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

function validateNonResourceRule(at: FieldPath, rule: NonResourcePolicyRule): FieldError[] {
  const { verbs: list = [], nonResourceURLs: urls = [] } = rule;
  const path = at.child('nonResourceURLs');
  const errors = validateVerbs(at.child('verbs'), list);
  if (urls.length === 0) return [...errors, required(path, 'nonResourceURLs must contain at least one value')];
  if (hasWildcard(urls)) {
    if (urls.length === 1) return errors;
    return [...errors, invalid(path, urls, "if '*' is present, must not specify other non-resource URLs")];
  }
  return [
    ...errors,
    ...urls.flatMap((url, i) => {
      const problem = urlProblem(url);
      return problem === undefined ? [] : [invalid(path.index(i), url, problem)];
    }),
  ];
}

/** A list that names something, or `*` and nothing else. */
function someOrAll(at: FieldPath, list: readonly string[], one: string, others: string): FieldError[] {
  if (list.length === 0) return [required(at, `resource rules must supply at least one ${one}`)];
  return list.length > 1 && hasWildcard(list)
    ? [invalid(at, list, `if '*' is present, must not specify other ${others}`)]
    : [];
}

function validateNamespaces(
  at: FieldPath,
  { namespaces = [], clusterScope = false }: ResourcePolicyRule,
): FieldError[] {
  if (namespaces.length === 0 && !clusterScope)
    return [required(at, 'resource rules that are not cluster scoped must supply at least one namespace')];
  if (hasWildcard(namespaces))
    return namespaces.length > 1
      ? [invalid(at, namespaces, "if '*' is present, must not specify other namespaces")]
      : [];
  return namespaces.flatMap((name, i) =>
    nameIsLabel(name, false).map((message) =>
      invalid(at.index(i), name, `each member of this list must be '*' or a DNS-1123 label; ${message}`),
    ),
  );
}

const validateResourceRule = (at: FieldPath, rule: ResourcePolicyRule): FieldError[] => [
  ...validateVerbs(at.child('verbs'), rule.verbs ?? []),
  ...someOrAll(at.child('apiGroups'), rule.apiGroups ?? [], 'api group', 'api groups'),
  ...someOrAll(at.child('resources'), rule.resources ?? [], 'resource', 'resources'),
  ...validateNamespaces(at.child('namespaces'), rule),
];

function validateServiceAccount(
  at: FieldPath,
  { name = '', namespace = '' }: { name?: string; namespace?: string },
): FieldError[] {
  const ofName =
    name === ''
      ? [required(at.child('name'))]
      : invalidEach(at.child('name'), name, name === '*' ? [] : nameIsSubdomain(name, false));
  return [
    ...ofName,
    ...(namespace === ''
      ? [required(at.child('namespace'), 'must specify namespace for service account')]
      : invalidEach(at.child('namespace'), namespace, nameIsLabel(namespace, false))),
  ];
}

function validateSubject(at: FieldPath, subject: FlowcontrolV1Subject): FieldError[] {
  const { kind } = subject;
  if (kind !== 'Group' && kind !== 'ServiceAccount' && kind !== 'User')
    return [notSupported(at.child('kind'), kind, subjectKinds)];
  const field = subjectFields[kind];
  const own = subject[field];
  const errors: FieldError[] = [];
  if (!own) errors.push(required(at.child(field), `${field} is required when subject kind is '${kind}'`));
  else if (kind === 'ServiceAccount') errors.push(...validateServiceAccount(at.child(field), own));
  else if (!own.name) errors.push(required(at.child(field, 'name')));
  for (const other of ['ServiceAccount', 'User', 'Group'] as const) {
    const name = subjectFields[other];
    if (other !== kind && subject[name])
      errors.push(forbiddenField(at.child(name), `${name} is forbidden when subject kind is not '${other}'`));
  }
  return errors;
}

function validateRules(at: FieldPath, rules: PolicyRulesWithSubjects): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rules;
  return [
    ...(subjects.length === 0 ? [required(at.child('subjects'), 'subjects must contain at least one value')] : []),
    ...subjects.flatMap((subject, i) => validateSubject(at.child('subjects').index(i), subject)),
    ...(resourceRules.length + nonResourceRules.length === 0
      ? [required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty')]
      : []),
    ...resourceRules.flatMap((rule, i) => validateResourceRule(at.child('resourceRules').index(i), rule)),
    ...nonResourceRules.flatMap((rule, i) => validateNonResourceRule(at.child('nonResourceRules').index(i), rule)),
  ];
}

function validatePrecedence(name: string, precedence: number): FieldError[] {
  const at = specPath.child('matchingPrecedence');
  return [
    ...(precedence <= 0 ? [invalid(at, precedence, 'must be a positive value')] : []),
    ...(precedence > lastPrecedence ? [invalid(at, precedence, `must not be greater than ${lastPrecedence}`)] : []),
    ...(precedence === 1 && name !== 'exempt'
      ? [invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")]
      : []),
  ];
}

function validateSpec(name: string, spec: Partial<FlowSchemaSpec>): FieldError[] {
  const { matchingPrecedence = 0, distinguisherMethod: method, rules = [] } = spec;
  const level = spec.priorityLevelConfiguration?.name ?? '';
  const levelPath = specPath.child('priorityLevelConfiguration', 'name');
  return [
    ...validatePrecedence(name, matchingPrecedence),
    ...(method && !methods.includes(method.type)
      ? [
          notSupported(
            specPath.child('distinguisherMethod', 'type'),
            internalForm('FlowDistinguisherMethod', method),
            methods,
          ),
        ]
      : []),
    ...(level === ''
      ? [required(levelPath, 'must reference a priority level')]
      : invalidEach(levelPath, level, nameIsSubdomain(level, false))),
    ...rules.flatMap((rule, i) => validateRules(specPath.child('rules').index(i), rule)),
  ];
}

/** The conditions of an object of this group: each of a type of its own. */
export function conditionErrors(conditions: readonly { type?: string }[]): FieldError[] {
  const types = conditions.map(({ type = '' }) => type);
  return types.flatMap((type, i) => {
    const at = new FieldPath('status').child('conditions').index(i).child('type');
    return [
      ...(types.indexOf(type) < i ? [duplicate(at, type)] : []),
      ...(type === '' ? [required(at, 'must not be empty')] : []),
    ];
  });
}

export function validateFlowSchema(schema: FlowSchema): FieldError[] {
  const { name = '' } = metaOf(schema);
  const spec = schema.spec ?? {};
  const errors = [...validateObjectMeta(metaOf(schema), false, nameIsSubdomain), ...validateSpec(name, spec)];
  const fixed = mandatoryFlowSchemas.find(({ metadata }) => metadata?.name === name);
  if (fixed && !equalJson(spec, fixed.spec))
    errors.push(
      invalid(specPath, internalForm('FlowSchemaSpec', spec), `spec of '${name}' must equal the fixed value`),
    );
  return [...errors, ...conditionErrors(schema.status?.conditions ?? [])];
}

export const validateFlowSchemaUpdate = (schema: FlowSchema, old: FlowSchema): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(schema), metaOf(old)),
  ...validateFlowSchema(schema),
];

export const validateFlowSchemaStatus = (schema: FlowSchema, old: FlowSchema): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(schema), metaOf(old)),
  ...conditionErrors(schema.status?.conditions ?? []),
];
