// VolumeBinding: a pod waits for its claims, goes where their volumes can be reached, and its late claims get theirs with its node.

import type { PersistentVolume, PersistentVolumeClaim } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { claimKeysOf } from '../../api/pod/claim-names.ts';
import { boundVolume, reachableFrom, selectedNode } from '../../api/storage/binding.ts';
import type { Client } from '../../client/client.ts';
import { objectKey } from '../../client/indexed-store.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type { NodeView, Plugin, PodInfo } from '../framework.ts';
import { isFullyBound, type NodeVolumes, type PodClaims, podClaims, volumesOnNode } from '../storage/pod-claims.ts';
import type { AssumedObjects, StorageView } from '../storage/storage-view.ts';

/** Upstream's default of bindTimeoutSeconds. */
const bindTimeoutMs = 600_000;

export interface VolumeBindingDeps {
  client: Client;
  clock: Clock;
  view: StorageView;
  claims: AssumedObjects<PersistentVolumeClaim>;
  volumes: AssumedObjects<PersistentVolume>;
  /** The objects as they are, without what is assumed. */
  stored: Pick<StorageView, 'claim' | 'volume'>;
  /** Calls back at every change of a claim or volume, until what it gives is called. */
  onChange(listener: () => void): () => void;
}

interface State {
  readonly claims: PodClaims;
  /** By node, of those that fit. */
  readonly found: Map<string, { view: NodeView; volumes: NodeVolumes }>;
}

/** What a pod has been promised, until it is bound. */
interface Reserved {
  readonly view: NodeView;
  readonly volumes: PersistentVolume[];
  readonly claims: PersistentVolumeClaim[];
  /** The claims that must be bound before the pod is. */
  readonly wanted: readonly string[];
}

const isOlder = (a: KubeObject, b: KubeObject): boolean =>
  Number(a.metadata?.resourceVersion) < Number(b.metadata?.resourceVersion);

/** Follows plugins/volumebinding, less storage capacity and scores, which are off or for CSI drivers only. */
export function volumeBinding(deps: VolumeBindingDeps): Plugin<State> {
  const { client, view } = deps;
  /** Of the pod that is being decided on. */
  let current: { uid: string; state: State } | undefined;
  const reserved = new Map<string, Reserved>();

  /** Throws an Error where what was written has been undone. */
  const isDone = (pod: PodInfo, { view: { node }, wanted, volumes, claims }: Reserved): boolean => {
    const nodeName = node.metadata?.name ?? '';
    for (const written of volumes) {
      const name = objectKey(written);
      const volume = deps.stored.volume(name);
      if (!volume) throw new Error(`failed to check binding: persistentvolume "${name}" not found`);
      if (isOlder(volume, written)) return false;
      if (!volume.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv "${name}"`);
    }
    for (const written of claims) {
      const claim = deps.stored.claim(objectKey(written));
      if (claim && isOlder(claim, written)) return false;
      if (claim?.metadata?.annotations?.[selectedNode] !== nodeName)
        throw new Error(`provisioning failed for PVC "${written.metadata?.name ?? ''}"`);
    }
    return wanted.every((key) => {
      const claim = deps.stored.claim(key);
      if (!claim) throw new Error(`failed to check binding: persistentvolumeclaim "${key}" not found`);
      const volume = isFullyBound(claim) ? deps.stored.volume(claim.spec?.volumeName ?? '') : undefined;
      if (volume && !reachableFrom(volume, node))
        throw new Error(`pv "${objectKey(volume)}" node affinity doesn't match node "${nodeName}" of pod ${pod.key}`);
      return volume !== undefined;
    });
  };

  /** Resolves once every claim is bound. */
  const boundInTime = (pod: PodInfo, promise: Reserved, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        stop();
        signal.removeEventListener('abort', aborted);
        settle();
      };
      const aborted = (): void => end(() => reject(new Error('the scheduler ends')));
      const look = (): void => {
        try {
          if (isDone(pod, promise)) end(resolve);
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const timer = deps.clock.after(bindTimeoutMs, () =>
        end(() => reject(new Error('binding volumes: context deadline exceeded'))),
      );
      const stop = deps.onChange(look);
      signal.addEventListener('abort', aborted, { once: true });
      look();
    });

  const write = async ({ volumes, claims }: Reserved, signal: AbortSignal): Promise<void> => {
    for (const [i, volume] of volumes.entries())
      volumes[i] = await client.update(persistentVolumes, volume, { signal });
    for (const [i, claim] of claims.entries())
      claims[i] = await client.update(persistentVolumeClaims, claim, { signal });
  };

  return {
    name: 'VolumeBinding',
    preFilter(pod) {
      current = undefined;
      const claims = podClaims(pod.pod, view);
      if (!claims) return { kind: 'skip' };
      if ('failed' in claims) return { kind: 'reject', rejection: { reasons: [claims.failed], unresolvable: true } };
      const state: State = { claims, found: new Map() };
      current = { uid: pod.uid, state };
      return { kind: 'proceed', state };
    },
    filter(_, node, { claims, found }) {
      const volumes = volumesOnNode(node.node, claims, view);
      if ('reasons' in volumes) return { reasons: volumes.reasons, unresolvable: true };
      found.set(node.name, { view: node, volumes });
      return undefined;
    },
    reserve(pod, nodeName) {
      const found = current?.uid === pod.uid ? current.state.found.get(nodeName) : undefined;
      current = undefined;
      if (!found) return undefined;
      const { bindings, provisions } = found.volumes;
      const volumes = bindings.map(({ volume, claim }) => boundVolume(volume, claim));
      const claims = provisions.map(
        (claim): PersistentVolumeClaim => ({
          ...claim,
          metadata: { ...claim.metadata, annotations: { ...claim.metadata?.annotations, [selectedNode]: nodeName } },
        }),
      );
      for (const volume of volumes) deps.volumes.assume(volume);
      for (const claim of claims) deps.claims.assume(claim);
      const wanted = [...bindings.map(({ claim }) => claim), ...provisions].map(objectKey);
      if (wanted.length > 0) reserved.set(pod.uid, { view: found.view, volumes, claims, wanted });
      return undefined;
    },
    unreserve(pod) {
      const promise = reserved.get(pod.uid);
      reserved.delete(pod.uid);
      for (const volume of promise?.volumes ?? []) deps.volumes.restore(objectKey(volume));
      for (const claim of promise?.claims ?? []) deps.claims.restore(objectKey(claim));
    },
    async preBind(pod, _, signal) {
      const promise = reserved.get(pod.uid);
      if (!promise) return undefined;
      await write(promise, signal);
      await boundInTime(pod, promise, signal);
      reserved.delete(pod.uid);
      return undefined;
    },
    queueingHint(pod, event) {
      switch (event.type) {
        case 'claim-changed':
          return claimKeysOf(pod.pod).includes(objectKey(event.claim));
        case 'volume-changed':
          return true;
        case 'storage-class-changed':
          return !event.old || !equalJson(event.old.allowedTopologies, event.storageClass.allowedTopologies);
        case 'node-added':
          return true;
        case 'node-updated':
          return event.changed.has('labels');
        default:
          return false;
      }
    },
  };
}
