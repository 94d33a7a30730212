// What an admission policy and a binding must be. Follows pkg/apis/admissionregistration/validation/validation.go of v1.36.

import type { CompiledExpression } from '../../cel/policy/policy-environment.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Variable,
} from '../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../../meta/errors.ts';
import { dns1035Label, dns1123Subdomain, nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import { invalidEach, validateLabelSelector } from '../../meta/validate-meta.ts';
import { compileConditions, compileMutatingPolicy, compileValidatingPolicy } from './policy-expressions.ts';
import { validateMatchConditions, validateRule } from './validate-rules.ts';

const spec = new FieldPath('spec');
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const maxAuditAnnotations = 20;
const maxAnnotationBytes = 5 * 1024;
const hasNewlines = (text: string): boolean => /[\n\r]/.test(text);

/** A value that must be there, and one of those allowed. */
const choice = (at: FieldPath, value: string | undefined, allowed: readonly string[]): FieldError[] => {
  if (value === undefined) return [required(at)];
  return allowed.includes(value) ? [] : [notSupported(at, value, allowed)];
};

const failurePolicyErrors = (value: string | undefined): FieldError[] =>
  choice(spec.child('failurePolicy'), value, ['Fail', 'Ignore']);

function pathSegmentProblems(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
}

function namedRuleErrors(at: FieldPath, rule: NamedRuleWithOperations): FieldError[] {
  const seen = new Set<string>();
  const names = (rule.resourceNames ?? []).flatMap((name, i) => {
    const path = at.child('resourceNames').index(i);
    const errors = pathSegmentProblems(name).map((why) => invalid(path, name, why));
    if (seen.has(name)) errors.push(duplicate(path, name));
    seen.add(name);
    return errors;
  });
  return [...names, ...validateRule(at, rule)];
}

function matchResourcesErrors(at: FieldPath, match: MatchResources): FieldError[] {
  const selector = (name: 'namespaceSelector' | 'objectSelector'): FieldError[] =>
    match[name] === undefined ? [required(at.child(name))] : validateLabelSelector(at.child(name), match[name]);
  return [
    ...choice(at.child('matchPolicy'), match.matchPolicy, ['Equivalent', 'Exact']),
    ...selector('namespaceSelector'),
    ...selector('objectSelector'),
    ...(match.resourceRules ?? []).flatMap((rule, i) => namedRuleErrors(at.child('resourceRules').index(i), rule)),
    ...(match.excludeResourceRules ?? []).flatMap((rule, i) =>
      namedRuleErrors(at.child('excludeResourceRules').index(i), rule),
    ),
  ];
}

/** A policy must say what it is for. */
function constraintErrors(match: MatchResources | undefined): FieldError[] {
  const at = spec.child('matchConstraints');
  if (match === undefined) return [required(at)];
  const errors = matchResourcesErrors(at, match);
  return (match.resourceRules ?? []).length === 0 ? [...errors, required(at.child('resourceRules'))] : errors;
}

function apiVersionErrors(at: FieldPath, apiVersion: string): FieldError[] {
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/');
  if (parts.length > 2) return [invalid(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const [group, version] = parts.length === 2 ? parts : ['', parts[0]];
  const errors: FieldError[] = [];
  const groupProblems = group ? dns1123Subdomain(group) : [];
  if (groupProblems.length > 0) errors.push(invalid(at, group, groupProblems.join(',')));
  if (!version) return [...errors, invalid(at, apiVersion, 'version must be specified')];
  const versionProblems = dns1035Label(version);
  return versionProblems.length === 0 ? errors : [...errors, invalid(at, version, versionProblems.join(','))];
}

function paramKindErrors(paramKind: ParamKind | undefined): FieldError[] {
  if (paramKind === undefined) return [];
  const at = spec.child('paramKind');
  const { apiVersion = '', kind = '' } = paramKind;
  const errors =
    apiVersion === '' ? [required(at.child('apiVersion'))] : apiVersionErrors(at.child('apiVersion'), apiVersion);
  if (kind === '') return [...errors, required(at.child('kind'))];
  const problems = dns1035Label(kind.toLowerCase());
  if (problems.length === 0) return errors;
  const why = `may have mixed case, but should otherwise match: ${problems.join(',')}`;
  return [...errors, invalid(at.child('kind'), kind, why)];
}

/** What is wrong with an expression; nothing where it compiles. */
const expressionErrors = (at: FieldPath, text: string, compiled: CompiledExpression | undefined): FieldError[] =>
  compiled === undefined || compiled.ok ? [] : [invalid(at, text, compiled.error)];

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function variableErrors(variables: readonly Variable[] | undefined, compiled: ReadonlyMap<string, CompiledExpression>) {
  return (variables ?? []).flatMap(({ name = '', expression = '' }, i) => {
    const at = spec.child('variables').index(i);
    const errors: FieldError[] = [];
    if (name.trim() === '') errors.push(required(at.child('name'), 'name is not specified'));
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || reserved.has(name))
      errors.push(invalid(at.child('name'), name, 'name is not a valid CEL identifier'));
    if (expression.trim() === '') errors.push(required(at.child('expression'), 'expression is not specified'));
    else errors.push(...expressionErrors(at.child('expression'), expression, compiled.get(name)));
    return errors;
  });
}

const conditionErrors = (object: ValidatingAdmissionPolicy | MutatingAdmissionPolicy): FieldError[] =>
  validateMatchConditions(spec.child('matchConditions'), object.spec?.matchConditions, (at, expression) =>
    matchExpressionErrors(at, expression, object.spec?.paramKind !== undefined),
  );

/** What is wrong with the expression of a match condition. */
export function matchExpressionErrors(at: FieldPath, expression: string, hasParams = false): FieldError[] {
  const [only] = compileConditions([{ name: '', expression: expression.trim() }], hasParams);
  return expressionErrors(at, expression.trim(), only?.compiled);
}

type Compiled = ReturnType<typeof compileValidatingPolicy>;

function validationErrors({ validations }: Compiled): FieldError[] {
  return validations.flatMap(({ validation, compiled, message }, i) => {
    const at = spec.child('validations').index(i);
    const { expression = '', messageExpression = '', message: text = '', reason } = validation;
    const errors =
      expression.trim() === ''
        ? [required(at.child('expression'), 'expression is not specified')]
        : expressionErrors(at.child('expression'), expression, compiled);
    if (messageExpression !== '' && messageExpression.trim() === '')
      errors.push(invalid(at.child('messageExpression'), messageExpression, 'must be non-empty if specified'));
    else errors.push(...expressionErrors(at.child('messageExpression'), messageExpression, message));
    if (text !== '' && text.trim() === '')
      errors.push(invalid(at.child('message'), text, 'message must be non-empty if specified'));
    else if (hasNewlines(text.trim()))
      errors.push(invalid(at.child('message'), text, 'message must not contain line breaks'));
    if (reason !== undefined && !reasons.includes(reason))
      errors.push(notSupported(at.child('reason'), reason, reasons));
    return errors;
  });
}

function annotationErrors({ auditAnnotations }: Compiled, name: string): FieldError[] {
  const at = spec.child('auditAnnotations');
  const errors: FieldError[] = [];
  if (auditAnnotations.length > maxAuditAnnotations) {
    const why = `must not have more than ${maxAuditAnnotations} auditAnnotations`;
    errors.push(
      invalid(
        at,
        auditAnnotations.map(({ annotation }) => annotation),
        why,
      ),
    );
  }
  const keys = new Set<string>();
  for (const [i, { annotation, compiled }] of auditAnnotations.entries()) {
    const { key = '', valueExpression = '' } = annotation;
    const path = at.index(i);
    if (name === '') errors.push(invalid(path.child('key'), key, 'requires metadata.name be non-empty'));
    else errors.push(...invalidEach(path.child('key'), `${name}/${key}`, qualifiedName(`${name}/${key}`)));
    const trimmed = valueExpression.trim();
    const value = path.child('valueExpression');
    if (trimmed === '') errors.push(required(value, 'valueExpression is not specified'));
    else if (Buffer.byteLength(trimmed) > maxAnnotationBytes)
      errors.push(required(value, `must not exceed ${maxAnnotationBytes} bytes in length`));
    else errors.push(...expressionErrors(value, valueExpression, compiled));
    if (keys.has(key)) errors.push(duplicate(path.child('key'), key));
    keys.add(key);
  }
  return errors;
}

/** Checks a policy, metadata left out. Conditions that were there before an update are left alone. */
export function validateValidatingPolicy(policy: ValidatingAdmissionPolicy, keepsConditions: boolean): FieldError[] {
  const { failurePolicy, paramKind, matchConstraints, validations = [], auditAnnotations = [] } = policy.spec ?? {};
  const compiled = compileValidatingPolicy(policy);
  const atLeastOne = 'validations or auditAnnotations must contain at least one item';
  return [
    ...failurePolicyErrors(failurePolicy),
    ...paramKindErrors(paramKind),
    ...constraintErrors(matchConstraints),
    ...(keepsConditions ? [] : conditionErrors(policy)),
    ...variableErrors(policy.spec?.variables, compiled.variables),
    ...(validations.length === 0 && auditAnnotations.length === 0
      ? [required(spec.child('validations'), atLeastOne), required(spec.child('auditAnnotations'), atLeastOne)]
      : [...validationErrors(compiled), ...annotationErrors(compiled, policy.metadata?.name ?? '')]),
  ];
}

function mutationErrors(
  policy: MutatingAdmissionPolicy,
  compiled: ReturnType<typeof compileMutatingPolicy>,
): FieldError[] {
  const { mutations = [] } = policy.spec ?? {};
  const at = spec.child('mutations');
  if (mutations.length === 0) return [required(at, 'mutations must contain at least one item')];
  return mutations.flatMap(({ patchType, applyConfiguration, jsonPatch }, i) => {
    const path = at.index(i);
    const own = patchType === 'ApplyConfiguration' ? 'applyConfiguration' : 'jsonPatch';
    const other = own === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
    if (!patchType) return [required(path.child('patchType'))];
    if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch')
      return [notSupported(path.child('patchType'), patchType, ['ApplyConfiguration', 'JSONPatch'])];
    const parts = { applyConfiguration, jsonPatch };
    const errors: FieldError[] = [];
    if (parts[other] !== undefined)
      errors.push(invalid(path.child(other), '', `must not be specified when patchType is ${patchType}`));
    if (parts[own] === undefined)
      return [...errors, required(path.child(own), `must be specified when patchType is ${patchType}`)];
    const { expression = '' } = parts[own];
    const where = path.child(own).child('expression');
    if (expression.trim() === '') return [...errors, required(where)];
    return [...errors, ...expressionErrors(where, expression, compiled.mutations[i]?.compiled)];
  });
}

const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

/** Nothing is there to be changed when an object is deleted. */
function mutatingOperationErrors(at: FieldPath, resources: MatchResources | undefined): FieldError[] {
  return (resources?.resourceRules ?? [])
    .flatMap(({ operations = [] }) => operations)
    .filter((operation) => !mutatingOperations.includes(operation))
    .map((operation) => notSupported(at.child('resourceRules').child('operations'), operation, mutatingOperations));
}

/** Checks a mutating policy, metadata left out. */
export function validateMutatingPolicy(policy: MutatingAdmissionPolicy, keepsConditions: boolean): FieldError[] {
  const { failurePolicy, paramKind, matchConstraints, variables, reinvocationPolicy } = policy.spec ?? {};
  const compiled = compileMutatingPolicy(policy);
  return [
    ...failurePolicyErrors(failurePolicy),
    ...paramKindErrors(paramKind),
    ...constraintErrors(matchConstraints),
    ...mutatingOperationErrors(spec.child('matchConstraints'), matchConstraints),
    ...(keepsConditions ? [] : conditionErrors(policy)),
    ...variableErrors(variables, compiled.variables),
    ...mutationErrors(policy, compiled),
    ...(reinvocationPolicy
      ? choice(spec.child('reinvocationPolicy'), reinvocationPolicy, ['IfNeeded', 'Never'])
      : [required(spec.child('reinvocationPolicy'))]),
  ];
}

function paramRefErrors(ref: ParamRef | undefined): FieldError[] {
  if (ref === undefined) return [];
  const at = spec.child('paramRef');
  const { name = '', selector, parameterNotFoundAction: action } = ref;
  const exclusive = 'name and selector are mutually exclusive';
  const errors = pathSegmentProblems(name).map((why) => invalid(at.child('name'), name, why));
  if (name !== '' && selector !== undefined) errors.push(forbiddenField(at.child('name'), exclusive));
  if (selector !== undefined) errors.push(...validateLabelSelector(at.child('selector'), selector));
  if (name !== '' && selector !== undefined) errors.push(forbiddenField(at.child('selector'), exclusive));
  if (name === '' && selector === undefined) errors.push(required(at, 'one of name or selector must be specified'));
  return [...errors, ...choice(at.child('parameterNotFoundAction'), action || undefined, ['Deny', 'Allow'])];
}

const actionNames = ['Audit', 'Deny', 'Warn'];

function actionErrors(actions: readonly string[]): FieldError[] {
  const at = spec.child('validationActions');
  const seen = new Set<string>();
  const errors = actions.flatMap((action, i) => {
    const found = actionNames.includes(action) ? [] : [notSupported(at.index(i), action, actionNames)];
    if (seen.has(action)) found.push(duplicate(at.index(i), action));
    seen.add(action);
    return found;
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(invalid(at, actions, why));
  }
  return seen.size === 0 ? [...errors, required(at, 'at least one validation action is required')] : errors;
}

/** Checks a binding of either kind, metadata left out. */
export function validateBinding(
  binding: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding,
  isValidating: boolean,
): FieldError[] {
  const { policyName = '', paramRef, matchResources } = binding.spec ?? {};
  const actions = (binding as ValidatingAdmissionPolicyBinding).spec?.validationActions ?? [];
  // The missing letter is upstream's.
  const resourcesPath = spec.child(isValidating ? 'matchResouces' : 'matchResources');
  return [
    ...(policyName === ''
      ? [required(spec.child('policyName'))]
      : nameIsSubdomain(policyName, false).map((why) => invalid(spec.child('policyName'), policyName, why))),
    ...paramRefErrors(paramRef),
    ...(matchResources === undefined ? [] : matchResourcesErrors(resourcesPath, matchResources)),
    ...(isValidating ? actionErrors(actions) : mutatingOperationErrors(resourcesPath, matchResources)),
  ];
}
