// The evaluator of each resource, and which resources a quota is about. Follows pkg/quota/v1/install/registry.go of v1.36.

import { claimEvaluator } from './claims.ts';
import { objectCounter, type QuotaEvaluator } from './evaluator.ts';
import { podEvaluator } from './pods.ts';
import { serviceEvaluator } from './services.ts';

/** A resource by group and plural name. */
export interface CountedResource {
  group: string;
  resource: string;
}

const own: Readonly<Record<string, QuotaEvaluator>> = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
};
const counters = new Map<string, QuotaEvaluator>();

export function evaluatorOf({ group, resource }: CountedResource): QuotaEvaluator {
  const found = group === '' && Object.hasOwn(own, resource) ? own[resource] : undefined;
  if (found !== undefined) return found;
  const id = `${group}/${resource}`;
  const counter = counters.get(id) ?? objectCounter(group, resource);
  counters.set(id, counter);
  return counter;
}

/** No quota counts these. */
export const isIgnored = ({ group, resource }: CountedResource): boolean =>
  resource === 'events' && (group === '' || group === 'events.k8s.io');

/** The resources of which a quota that limits these names counts objects. */
export function countedResources(names: readonly string[]): CountedResource[] {
  const found = new Map<string, CountedResource>();
  const add = (group: string, resource: string): void => void found.set(`${group}/${resource}`, { group, resource });
  for (const name of names) {
    if (name.startsWith('count/')) {
      const [resource = '', ...group] = name.slice('count/'.length).split('.');
      add(group.join('.'), resource);
    } else if (['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'].includes(name)) add('', name);
  }
  for (const resource of Object.keys(own)) if (own[resource]?.matching(names).length) add('', resource);
  return [...found.values()].filter((resource) => !isIgnored(resource));
}
