// Local copies of what quotas count: an informer for each resource that some quota limits, and for no other.
// Follows pkg/controller/resourcequota/resource_quota_monitor.go of v1.36.

import type { PersistentVolumeClaim, Pod, Service } from '../../api/generated/types.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { formatAmounts } from '../../api/quota/amounts.ts';
import { claimUsageChanged } from '../../api/quota/claims.ts';
import { type CountedResource, evaluatorOf } from '../../api/quota/evaluators.ts';
import { podUsageChanged } from '../../api/quota/pods.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { ControllerContext } from '../controller.ts';
import { discoverNamespaced } from '../namespace/discovery.ts';

export interface Monitors {
  /** Starts what these need, and ends what they do not; resolves once the copies of all that is served are filled. */
  follow(resources: readonly CountedResource[], signal: AbortSignal): Promise<void>;
  /** The objects in the namespace; undefined where the resource is not followed. */
  objects(resource: CountedResource, namespace: string): readonly KubeObject[] | undefined;
}

const idOf = ({ group, resource }: CountedResource): string => `${group}/${resource}`;
const namespaceOf = (object: KubeObject): string => object.metadata?.namespace ?? '';

/** Whether an update gives room back, or takes some that nobody was asked for. */
function usageChanged({ group, resource }: CountedResource, old: KubeObject, object: KubeObject, now: number): boolean {
  if (group !== '') return false;
  switch (resource) {
    case 'pods':
      return podUsageChanged(old as Pod, object as Pod, now);
    case 'services': {
      const usage = (service: Service): string =>
        JSON.stringify(formatAmounts(evaluatorOf({ group, resource }).usage(service, now)));
      return usage(old as Service) !== usage(object as Service);
    }
    case 'persistentvolumeclaims':
      return claimUsageChanged(old as PersistentVolumeClaim, object as PersistentVolumeClaim);
    default:
      return false;
  }
}

/** `replenished` is told of every namespace where a resource is used less, or otherwise, than before. */
export function createMonitors(
  context: Pick<ControllerContext, 'client' | 'transport' | 'clock' | 'random' | 'logger'>,
  replenished: (resource: CountedResource, namespace: string) => void,
): Monitors {
  const running = new Map<string, { informer: Informer<KubeObject>; stop: AbortController }>();
  const start = (resource: CountedResource, version: string, kind: string, signal: AbortSignal): void => {
    const informer = createInformer<KubeObject>({
      ...context,
      resource: { ...resource, version, kind, namespaced: true },
      indexers: { namespace: (object) => [namespaceOf(object)] },
      onUpdate(old, object) {
        if (usageChanged(resource, old, object, context.clock.now())) replenished(resource, namespaceOf(object));
      },
      onDelete: (object) => replenished(resource, namespaceOf(object)),
    });
    const stop = new AbortController();
    informer.start(AbortSignal.any([signal, stop.signal]));
    running.set(idOf(resource), { informer, stop });
  };
  return {
    async follow(resources, signal) {
      const wanted = new Set(resources.map(idOf));
      const missing = resources.filter((resource) => !running.has(idOf(resource)));
      for (const [id, { stop }] of running) {
        if (wanted.has(id)) continue;
        stop.abort();
        running.delete(id);
      }
      if (missing.length > 0) {
        const { resources: served } = await discoverNamespaced(context.transport, signal);
        for (const resource of missing) {
          const found = served.find((one) => idOf(one) === idOf(resource) && one.verbs.includes('watch'));
          if (found !== undefined && !running.has(idOf(resource))) start(resource, found.version, found.kind, signal);
        }
      }
      await Promise.all([...running.values()].map(({ informer }) => informer.answered()));
    },
    objects(resource, namespace) {
      const informer = running.get(idOf(resource))?.informer;
      return informer?.hasSynced() === true ? informer.byIndex('namespace', namespace) : undefined;
    },
  };
}
