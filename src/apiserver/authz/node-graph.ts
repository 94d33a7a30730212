// What the pods of each node need, so that a node gets no more. Follows plugin/pkg/auth/authorizer/node/graph.go of v1.36 for the kinds that are served.

import type { Container, EphemeralContainer, PersistentVolume, Pod } from '../../api/generated/types.ts';
import { isMirrorPod } from '../../api/pod/static-pod.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { UserInfo } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';

const prefix = 'system:node:';

/** The node that the user is; undefined for anyone else. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(prefix) && groups.includes('system:nodes') ? name.slice(prefix.length) : undefined;
}

/** `secrets/NAME`, `configmaps/NAME` and the like, of what the pod names in its namespace; its own name among them. */
export function* podNeeds(pod: Pod): Generator<string> {
  const { metadata, spec } = pod;
  const own = metadata?.name ?? '';
  yield `pods/${own}`;
  // A node makes these by itself: they must give it nothing.
  if (isMirrorPod(pod)) return;
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
  for (const { name, secret, configMap, projected, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    if (persistentVolumeClaim) yield `persistentvolumeclaims/${persistentVolumeClaim.claimName}`;
    if (ephemeral) yield `persistentvolumeclaims/${own}-${name}`;
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

/** `volumes` are persistent ones: a node needs those that claims of its pods are bound to. */
export function createNodeGraph(feed: CacheFeed, pods: ResourceInfo, volumes?: ResourceInfo): NodeGraph {
  const cache = feed.cache(pods);
  const volumeCache = volumes && feed.cache(volumes);
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
  const needs: NodeGraph['needs'] = (node, resource, namespace, name) => {
    if (resource === 'persistentvolumes') {
      const volume = volumes && volumeCache?.objects.get(`${volumes.keyPrefix}${name}`);
      const ref = volume && (volume.object() as PersistentVolume).spec?.claimRef;
      return Boolean(ref) && needs(node, 'persistentvolumeclaims', ref?.namespace ?? '', ref?.name ?? '');
    }
    const wanted = `${resource}/${name}`;
    const inNamespace = `${pods.keyPrefix}${namespace}/`;
    for (const key of byNode.get(node) ?? []) {
      const pod = key.startsWith(inNamespace) ? cache.objects.get(key) : undefined;
      if (pod !== undefined) for (const need of podNeeds(pod.object() as Pod)) if (need === wanted) return true;
    }
    return false;
  };
  return { needs };
}
