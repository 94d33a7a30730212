// Whether the rules that someone has cover others, and how the missing ones are told.
// Follows component-helpers auth/rbac/validation/policy_comparator.go and pkg/registry/rbac/validation/policy_compact.go of v1.36.

import { goQuote } from '../../api/meta/go-format.ts';
import { type AuthorizationRequest, type PolicyRule, ruleAllows } from './authorizer.ts';

/** A rule cut into its smallest parts, each with the request that stands for it. */
function parts(rule: PolicyRule): { rule: PolicyRule; request: AuthorizationRequest }[] {
  const none = { resource: '', group: '', subresource: '', namespace: '', name: '', path: '' };
  const found: { rule: PolicyRule; request: AuthorizationRequest }[] = [];
  // A name that is empty is a name, too.
  const names = rule.resourceNames?.length ? rule.resourceNames : [undefined];
  for (const group of rule.apiGroups ?? [])
    for (const full of rule.resources ?? [])
      for (const verb of rule.verbs)
        for (const name of names) {
          const slash = full.indexOf('/');
          const resource = slash < 0 ? full : full.slice(0, slash);
          const subresource = slash < 0 ? '' : full.slice(slash + 1);
          found.push({
            rule: {
              apiGroups: [group],
              resources: [full],
              verbs: [verb],
              ...(name === undefined ? {} : { resourceNames: [name] }),
            },
            request: { ...none, isResource: true, group, resource, subresource, name: name ?? '', verb },
          });
        }
  for (const path of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs)
      found.push({ rule: { nonResourceURLs: [path], verbs: [verb] }, request: { ...none, path, verb } });
  return found;
}

const everyNamespace = ({ namespace: _, ...rule }: PolicyRule): PolicyRule => rule;

/** Whether a rule gives that part. One that is for some names never gives all. */
const covers = (held: PolicyRule, wanted: PolicyRule, request: AuthorizationRequest): boolean =>
  ruleAllows(held, request) && (!held.resourceNames?.length || wanted.resourceNames !== undefined);

/** The parts of `wanted` that no rule of `held` covers; what holds in one namespace only counts as if it held where it is asked. */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const owned = held.map(everyNamespace);
  return wanted
    .flatMap(parts)
    .filter(({ rule, request }) => !owned.some((one) => covers(one, rule, request)))
    .map(({ rule }) => rule);
}

/** Joins parts that differ only in the verb. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const joined = new Map<string, { rule: PolicyRule; verbs: string[] }>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    // Paths are left as they are.
    const id = JSON.stringify(rule.nonResourceURLs === undefined ? rest : rule);
    const known = joined.get(id);
    if (known === undefined) joined.set(id, { rule, verbs: [...verbs] });
    else known.verbs.push(...verbs.filter((verb) => !known.verbs.includes(verb)));
  }
  return [...joined.values()].map(({ rule, verbs }) => ({ ...rule, verbs }));
}

/** A list as Go's %q shows it: `["a" "b"]`. */
export const quotedList = (items: readonly string[]): string => `[${items.map(goQuote).join(' ')}]`;

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
export function ruleText({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const shown: [string, readonly string[] | undefined][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ];
  return `{${shown.flatMap(([name, items]) => (items?.length ? [`${name}:${quotedList(items)}`] : [])).join(', ')}}`;
}
