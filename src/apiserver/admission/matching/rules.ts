// Whether the rules of a webhook or an admission policy cover a request. Pure.
// Follows apiserver pkg/admission/plugin/webhook/predicates/rules/rules.go and plugin/policy/matching/matching.go of v1.36.

import type { NamedRuleWithOperations, RuleWithOperations } from '../../../api/generated/types.ts';
import type { ResourceInfo, ResourceTable } from '../../resources.ts';
import type { AdmissionAttributes } from '../admission.ts';

export type MatchPolicy = 'Exact' | 'Equivalent';

/** The namespace as rules and selectors see it: a Namespace object counts as being in itself. */
export const requestNamespace = ({ resource, namespace, name }: AdmissionAttributes): string =>
  isNamespaces(resource) ? name : namespace;

const isNamespaces = ({ kind }: ResourceInfo): boolean => kind.group === '' && kind.resource === 'namespaces';

const among = (items: readonly string[] | undefined, wanted: string): boolean =>
  (items ?? []).some((item) => item === '*' || item === wanted);

function scopeMatches(scope: string | undefined, at: AdmissionAttributes, resource: ResourceInfo): boolean {
  const isClusterWide = isNamespaces(resource) || requestNamespace(at) === '';
  switch (scope ?? '*') {
    case '*':
      return true;
    case 'Namespaced':
      return !isClusterWide;
    case 'Cluster':
      return isClusterWide;
    default:
      return false;
  }
}

function resourceMatches(patterns: readonly string[] | undefined, resource: string, subresource: string): boolean {
  return (patterns ?? []).some((pattern) => {
    const slash = pattern.indexOf('/');
    const [main, sub] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
    return (main === '*' || main === resource) && (sub === '*' || sub === subresource);
  });
}

/** Whether the rule covers the request, were it made to `resource` (its own, or one that shows the same objects). */
export function ruleMatches(rule: RuleWithOperations, at: AdmissionAttributes, resource = at.resource): boolean {
  const { kind } = resource;
  return (
    scopeMatches(rule.scope, at, resource) &&
    among(rule.operations, at.operation) &&
    among(rule.apiGroups, kind.group) &&
    among(rule.apiVersions, kind.version) &&
    resourceMatches(rule.resources, kind.resource, at.subresource)
  );
}

/** The other versions (and groups) that show the same stored objects, and have that subresource where one is meant. */
export function equivalentResources(table: ResourceTable, info: ResourceInfo, subresource: string): ResourceInfo[] {
  return table.all.filter(
    (other) =>
      other.keyPrefix === info.keyPrefix &&
      other.apiVersion !== info.apiVersion &&
      (subresource === '' || other.kind.subresources?.[subresource] !== undefined),
  );
}

/**
 * The resource under which the first fitting rule covers the request: its own, or with `Equivalent` (and no rule for its own) another
 * one that shows the same objects, to which the objects are to be converted. Undefined where no rule fits.
 */
export function matchRules(
  rules: readonly NamedRuleWithOperations[],
  policy: MatchPolicy | undefined,
  at: AdmissionAttributes,
  equivalents: readonly ResourceInfo[],
): ResourceInfo | undefined {
  const covers = (rule: NamedRuleWithOperations, resource: ResourceInfo): boolean =>
    ruleMatches(rule, at, resource) &&
    (rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(at.name));
  if (rules.some((rule) => covers(rule, at.resource))) return at.resource;
  if (policy !== 'Equivalent') return undefined;
  for (const rule of rules) {
    const resource = equivalents.find((other) => covers(rule, other));
    if (resource !== undefined) return resource;
  }
  return undefined;
}

const admissionKinds: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
]);

/** Whether it is an object that configures admission: no webhook and no policy is asked about these, so that nobody locks himself out. */
export const isAdmissionConfiguration = ({ resource: { kind } }: AdmissionAttributes): boolean =>
  kind.group === 'admissionregistration.k8s.io' && admissionKinds.has(kind.kind);
