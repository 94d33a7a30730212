// Checks that webhooks and admission policies share: the rules of what they cover, and their match conditions.
// Follows pkg/apis/admissionregistration/validation/validation.go of v1.36.

import type { MatchCondition, RuleWithOperations } from '../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../../meta/errors.ts';
import { qualifiedName } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
const maxConditions = 64;

const isCrowded = (values: readonly string[] | undefined): boolean =>
  values !== undefined && values.length > 1 && values.includes('*');

/** Names with subresources: `*` in one place makes others of that place pointless. */
function resourceErrors(at: FieldPath, resources: readonly string[]): FieldError[] {
  if (resources.length === 0) return [required(at)];
  const errors: FieldError[] = [];
  const allOf = new Set<string>();
  const ofAll = new Set<string>();
  let hasPlain = false;
  for (const [i, resource] of resources.entries()) {
    if (resource === '') {
      errors.push(required(at.index(i)));
      continue;
    }
    const slash = resource.indexOf('/');
    if (slash < 0) {
      hasPlain = resource !== '*';
      continue;
    }
    const [main, sub] = [resource.slice(0, slash), resource.slice(slash + 1)];
    if (allOf.has(main))
      errors.push(invalid(at.index(i), resource, `if '${main}/*' is present, must not specify ${resource}`));
    if (ofAll.has(sub))
      errors.push(invalid(at.index(i), resource, `if '*/${sub}' is present, must not specify ${resource}`));
    if (sub === '*') allOf.add(main);
    if (main === '*') ofAll.add(sub);
  }
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalid(at, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && hasPlain)
    errors.push(invalid(at, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

/** Checks one rule of a webhook or a policy. */
export function validateRule(at: FieldPath, rule: RuleWithOperations): FieldError[] {
  const errors: FieldError[] = [];
  const asked = rule.operations ?? [];
  if (asked.length === 0) errors.push(required(at.child('operations')));
  if (isCrowded(asked))
    errors.push(invalid(at.child('operations'), asked, "if '*' is present, must not specify other operations"));
  for (const [i, operation] of asked.entries())
    if (!operations.includes(operation))
      errors.push(notSupported(at.child('operations').index(i), operation, operations));
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (apiGroups.length === 0) errors.push(required(at.child('apiGroups')));
  if (isCrowded(apiGroups))
    errors.push(invalid(at.child('apiGroups'), apiGroups, "if '*' is present, must not specify other API groups"));
  if (apiVersions.length === 0) errors.push(required(at.child('apiVersions')));
  if (isCrowded(apiVersions))
    errors.push(
      invalid(at.child('apiVersions'), apiVersions, "if '*' is present, must not specify other API versions"),
    );
  for (const [i, version] of apiVersions.entries())
    if (version === '') errors.push(required(at.child('apiVersions').index(i)));
  errors.push(...resourceErrors(at.child('resources'), resources));
  if (scope !== undefined && !scopes.includes(scope)) errors.push(notSupported(at.child('scope'), scope, scopes));
  return errors;
}

/** Checks the conditions of a webhook or a policy; `expressionErrors` says what is wrong with an expression. */
export function validateMatchConditions(
  at: FieldPath,
  conditions: readonly MatchCondition[] | undefined,
  expressionErrors: (at: FieldPath, expression: string) => FieldError[],
): FieldError[] {
  const given = conditions ?? [];
  const errors: FieldError[] = given.length > maxConditions ? [tooMany(at, given.length, maxConditions)] : [];
  const names = new Set<string>();
  for (const [i, { name = '', expression = '' }] of given.entries()) {
    const path = at.index(i);
    if (expression.trim() === '') errors.push(required(path.child('expression')));
    else errors.push(...expressionErrors(path.child('expression'), expression));
    if (name === '') errors.push(required(path.child('name')));
    else errors.push(...invalidEach(path.child('name'), name, qualifiedName(name)));
    if (name !== '' && names.has(name)) errors.push(duplicate(path.child('name'), name));
    names.add(name);
  }
  return errors;
}
