// How objects of one resource count against quotas: the contract, what is common to all resources, and the mere number of objects.
// Follows apiserver pkg/quota/v1/{interfaces,resources}.go and generic/evaluator.go of v1.36.

import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../generated/types.ts';
import { matchesLabels, selectorOf } from '../meta/label-selector.ts';
import type { KubeObject } from '../meta/types.ts';
import { quantityOf } from '../meta/quantity.ts';
import { addAmounts, type Amounts, zero } from './amounts.ts';

/** One write, as far as evaluators look at it. */
export interface CountedWrite {
  operation: string;
  subresource: string;
  object: KubeObject | undefined;
  old: KubeObject | undefined;
}

export interface QuotaEvaluator {
  /** Whether the write can change what is used. */
  handles(write: CountedWrite): boolean;
  /** Of these names those that count objects of this resource. */
  matching(names: Iterable<string>): string[];
  inScope(requirement: ScopedResourceSelectorRequirement, object: KubeObject): boolean;
  /** Why the object must not come where these names are limited; undefined when it may. */
  unmet(limited: readonly string[], object: KubeObject): string | undefined;
  /** What the object uses; `now` in ms. */
  usage(object: KubeObject, now: number): Amounts;
}

export const one = quantityOf(1);

/** count/pods, or count/widgets.example.com. */
export const countName = (group: string, resource: string): string =>
  group === '' ? `count/${resource}` : `count/${resource}.${group}`;

/** These have a name of their own beside count/. */
const ownNames = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

/** Counts objects of any resource, custom ones too. */
export function objectCounter(group: string, resource: string): QuotaEvaluator {
  const names = [countName(group, resource), ...(group === '' && ownNames.has(resource) ? [resource] : [])];
  const each: Amounts = new Map(names.map((name) => [name, one]));
  return {
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    matching: (limited) => [...limited].filter((name) => names.includes(name)),
    inScope: () => false,
    unmet: () => undefined,
    usage: () => each,
  };
}

/** The scopes of a quota, either way they are given. */
export const scopesOf = ({ scopes = [], scopeSelector }: ResourceQuotaSpec): ScopedResourceSelectorRequirement[] => [
  ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
  ...(scopeSelector?.matchExpressions ?? []),
];

/** Whether a value fits a requirement of its scope; undefined is no value at all. */
export function valueInScope(requirement: ScopedResourceSelectorRequirement, value: string | undefined): boolean {
  const { scopeName, operator, values } = requirement;
  const selector = selectorOf({
    matchExpressions: [{ key: scopeName, operator, ...(values === undefined ? {} : { values }) }],
  });
  return matchesLabels(selector, value === undefined ? {} : { [scopeName]: value });
}

/** Whether a quota with that spec, which limits those names, is for the object. */
export const isCovered = (
  spec: ResourceQuotaSpec,
  names: Iterable<string>,
  evaluator: QuotaEvaluator,
  object: KubeObject,
): boolean => evaluator.matching(names).length > 0 && scopesOf(spec).every((scope) => evaluator.inScope(scope, object));

/** What all these objects use of the names that a quota with that spec limits; 0 where there is none. */
export function usageOf(
  spec: ResourceQuotaSpec,
  evaluator: QuotaEvaluator,
  objects: Iterable<KubeObject>,
  now: number,
): Amounts {
  const names = evaluator.matching(Object.keys(spec.hard ?? {}));
  const scopes = scopesOf(spec);
  let sum: Amounts = new Map(names.map((name) => [name, zero]));
  for (const object of objects) {
    if (!scopes.every((scope) => evaluator.inScope(scope, object))) continue;
    const used = evaluator.usage(object, now);
    sum = addAmounts(sum, new Map(names.flatMap((name) => (used.has(name) ? [[name, used.get(name) ?? zero]] : []))));
  }
  return sum;
}
