// Narrows what nodes may read to what their own pods need. Follows plugin/pkg/auth/authorizer/node of v1.36 for the kinds that are served.

import type { Container, EphemeralContainer, Pod } from '../../api/generated/types.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { UserInfo } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import type { AuthorizationRequest, Authorizer } from './authorizer.ts';

const prefix = 'system:node:';

/** The node that the user is; undefined for anyone else. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(prefix) && groups.includes('system:nodes') ? name.slice(prefix.length) : undefined;
}

/** `secrets/NAME`, `configmaps/NAME` and `serviceaccounts/NAME` of what the pod names in its namespace. */
export function* podNeeds({ spec }: Pod): Generator<string> {
  if (spec?.serviceAccountName) yield `serviceaccounts/${spec.serviceAccountName}`;
  for (const { name } of spec?.imagePullSecrets ?? []) yield `secrets/${name ?? ''}`;
  const containers: (Container | EphemeralContainer)[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const { env, envFrom } of containers) {
    for (const { valueFrom } of env ?? []) {
      if (valueFrom?.secretKeyRef) yield `secrets/${valueFrom.secretKeyRef.name ?? ''}`;
      if (valueFrom?.configMapKeyRef) yield `configmaps/${valueFrom.configMapKeyRef.name ?? ''}`;
    }
    for (const { secretRef, configMapRef } of envFrom ?? []) {
      if (secretRef) yield `secrets/${secretRef.name ?? ''}`;
      if (configMapRef) yield `configmaps/${configMapRef.name ?? ''}`;
    }
  }
  for (const { secret, configMap, projected } of spec?.volumes ?? []) {
    if (secret) yield `secrets/${secret.secretName ?? ''}`;
    if (configMap) yield `configmaps/${configMap.name ?? ''}`;
    for (const source of projected?.sources ?? []) {
      if (source.secret) yield `secrets/${source.secret.name ?? ''}`;
      if (source.configMap) yield `configmaps/${source.configMap.name ?? ''}`;
    }
  }
}

/** Pods by node, kept beside the watch cache. */
export interface NodeGraph {
  /** Whether a pod on the node needs it. */
  needs(node: string, resource: string, namespace: string, name: string): boolean;
}

export function createNodeGraph(feed: CacheFeed, pods: ResourceInfo): NodeGraph {
  const cache = feed.cache(pods);
  const byNode = new Map<string, Set<string>>();
  const nodeName = (version: ObjectVersion): string => version.fields()['spec.nodeName'] ?? '';
  const add = (version: ObjectVersion): void => {
    const node = nodeName(version);
    if (node === '') return;
    const known = byNode.get(node);
    if (known === undefined) byNode.set(node, new Set([version.key]));
    else known.add(version.key);
  };
  cache.observe({
    changed(current, previous) {
      if (current !== undefined) return add(current);
      if (previous === undefined) return;
      const node = nodeName(previous);
      const known = byNode.get(node);
      known?.delete(previous.key);
      if (known?.size === 0) byNode.delete(node);
    },
    loaded() {
      byNode.clear();
      for (const version of cache.objects.range(pods.keyPrefix)) add(version);
    },
  });
  return {
    needs(node, resource, namespace, name) {
      const wanted = `${resource}/${name}`;
      const inNamespace = `${pods.keyPrefix}${namespace}/`;
      for (const key of byNode.get(node) ?? []) {
        const pod = key.startsWith(inNamespace) ? cache.objects.get(key) : undefined;
        if (pod !== undefined) for (const need of podNeeds(pod.object() as Pod)) if (need === wanted) return true;
      }
      return false;
    },
  };
}

const readVerbs = new Set(['get', 'list', 'watch']);

/** False for what a node may do in general, but not with this object. */
function related(graph: NodeGraph, node: string, request: AuthorizationRequest): boolean {
  const { group, resource, subresource, verb, namespace, name } = request;
  if (group !== '') return true;
  switch (`${resource}/${subresource}`) {
    case 'secrets/':
    case 'configmaps/':
      // Lists and watches name the one object that they are about.
      return readVerbs.has(verb) && name !== '' && graph.needs(node, resource, namespace, name);
    case 'serviceaccounts/token':
      return graph.needs(node, resource, namespace, name);
    default:
      return true;
  }
}

/** The authorizer, where nodes get only what their pods need. */
export function narrowNodes(inner: Authorizer, graph: NodeGraph): Authorizer {
  return {
    rules: inner.rules,
    allowed(user, request) {
      if (!inner.allowed(user, request)) return false;
      const node = nodeOf(user);
      return node === undefined || related(graph, node, request);
    },
  };
}
