// Deletes everything in a namespace, pods first, and counts what is left.

import type { Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import type { Client } from '../../client/client.ts';
import type { Counted, EmptyingResult } from './decide.ts';
import type { Discovery, ServedResource } from './discovery.ts';

/** What became of it, and in how many seconds to look again at the latest. */
export interface Emptying extends EmptyingResult {
  estimateSeconds: number;
}

// Upstream's guess for objects that finalizers hold.
const finalizerEstimateSeconds = 15;

/**
 * One attempt. Nothing but pods is deleted while a pod is left, so that pods keep what they need to end well.
 * Follows pkg/controller/namespace/deletion/namespaced_resources_deleter.go.
 */
export async function emptyNamespace(
  client: Client,
  namespace: string,
  discovery: Discovery,
  signal: AbortSignal,
): Promise<Emptying> {
  const contentErrors: string[] = [];
  const remaining: Counted[] = [];
  const finalizers = new Map<string, number>();
  let estimateSeconds = 0;
  const empty = async (resource: ServedResource): Promise<number> => {
    try {
      const left = await deleteAll(client, resource, namespace, signal);
      if (left.length === 0) return 0;
      remaining.push({ group: resource.group, resource: resource.resource, count: left.length });
      for (const finalizer of left.flatMap(({ metadata }) => metadata?.finalizers ?? [])) {
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      }
      const seconds = isPods(resource) ? longestGrace(left) : finalizerEstimateSeconds;
      estimateSeconds = Math.max(estimateSeconds, seconds);
      return left.length;
    } catch (error) {
      if (signal.aborted) throw error;
      contentErrors.push(error instanceof Error ? error.message : String(error));
      return 1;
    }
  };
  const pods = discovery.resources.find(isPods);
  const podsLeft = pods ? await empty(pods) : 0;
  if (podsLeft === 0) {
    for (const resource of discovery.resources) if (!isPods(resource)) await empty(resource);
  }
  return { discoveryErrors: discovery.errors, contentErrors, remaining, finalizers, estimateSeconds };
}

const isPods = ({ group, resource }: ServedResource): boolean => group === '' && resource === 'pods';

const longestGrace = (pods: readonly Pod[]): number =>
  Math.max(0, ...pods.map(({ spec }) => spec?.terminationGracePeriodSeconds ?? 0));

/** Deletes every object of the resource and gives those that live on. Resources without list or delete count as empty. */
async function deleteAll(
  client: Client,
  resource: ServedResource,
  namespace: string,
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const { verbs } = resource;
  if (!verbs.includes('list') || !(verbs.includes('deletecollection') || verbs.includes('delete'))) return [];
  const options = { propagationPolicy: 'Background' as const, signal };
  if (verbs.includes('deletecollection')) await client.deleteCollection(resource, { namespace }, options);
  const { items } = await client.list(resource, { namespace, signal });
  if (items.length === 0 || verbs.includes('deletecollection')) return items;
  for (const { metadata } of items) {
    try {
      await client.delete(resource, { name: metadata?.name ?? '', namespace }, options);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  return (await client.list(resource, { namespace, signal })).items;
}
