// Registers the node and keeps its status and lease fresh. Follows pkg/kubelet/kubelet_node_status.go and component-helpers/apimachinery/lease of v1.36.

import type { ContainerImage, Lease, Node, NodeFeatures, NodeRuntimeHandler } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { formatMicroTime } from '../../api/meta/time.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { leases, nodes } from '../../client/resources.ts';
import type { ImageService, RuntimeService } from '../../cri/runtime.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { NodeInfo } from '../seams.ts';
import {
  decideNodeStatus,
  type DiskRoom,
  initialNode,
  type NodeIdentity,
  nodeLabels,
  statusChanged,
} from './decide-node-status.ts';

/** What keeps pods from running here, the runtime's version, and what it says that it can do. */
interface RuntimeObservation {
  problems: string[];
  version: string;
  handlers: NodeRuntimeHandler[];
  features?: NodeFeatures;
}

export interface NodeStatusOptions {
  identity: NodeIdentity;
  client: Client;
  runtime: RuntimeService;
  images: ImageService;
  clock: Clock;
  logger: Logger;
  recorder: EventRecorder;
  /** Of the file system that holds the pods. */
  disk(): Promise<DiskRoom>;
  /** What the eviction manager finds the node under. */
  pressure(): Promise<readonly string[]>;
  /** What else keeps the node from running pods (the pod workers' loop stands still). */
  unhealthy(): string | undefined;
}

export interface NodeStatusKeeper extends NodeInfo {
  /** Runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once the node is registered and Ready for the first time. */
  readonly ready: Promise<void>;
  /** Looks again soon: the runtime went away or came back. */
  refresh(): void;
}

/** How often the node's status is worked out and at least reported (ms), and how long its lease lasts. */
export const nodeStatusTimes = { updateMs: 10_000, reportMs: 5 * 60_000, leaseSeconds: 40 } as const;
/** While the node is not Ready it looks more often, so that it turns Ready as soon as it can. */
const unreadyEveryMs = 100;
const leaseEveryMs = 10_000;
/** The most that is waited after a report or a lease that the API did not take. Follows component-helpers apimachinery/lease. */
const maxRetryMs = 7000;
const firstLeaseRetryMs = 1000;
const maxImages = 50;
const maxNamesPerImage = 5;
const leaseNamespace = 'kube-node-lease';

/** A map as a merge patch must say it, so that what is gone goes. */
function withRemovals(
  before: Record<string, string> | undefined,
  after: Record<string, string> | undefined,
): Record<string, string | null> {
  const removed = Object.keys(before ?? {}).filter((key) => after?.[key] === undefined);
  return { ...after, ...Object.fromEntries(removed.map((key) => [key, null])) };
}

export function createNodeStatus(options: NodeStatusOptions): NodeStatusKeeper {
  const { identity, client, clock, logger, recorder } = options;
  const becameReady = Promise.withResolvers<void>();
  let node: Node | undefined;
  let networkError: string | undefined = 'container runtime status check may not have completed yet';
  let reportedAt = Number.NEGATIVE_INFINITY;
  let wake: () => void = () => {};
  const reference = { apiVersion: 'v1', kind: 'Node', name: identity.name, uid: identity.name };

  const observeRuntime = async (signal: AbortSignal): Promise<RuntimeObservation> => {
    try {
      const [{ runtimeName, runtimeVersion }, status] = await Promise.all([
        options.runtime.version(signal),
        options.runtime.status({}, signal),
      ]);
      const condition = (type: string): string | undefined => {
        const found = status.conditions.find((each) => each.type === type);
        return found?.status
          ? undefined
          : `${type}=false reason:${found?.reason ?? ''} message:${found?.message ?? ''}`;
      };
      const network = condition('NetworkReady');
      const runtime = condition('RuntimeReady');
      networkError = network && `container runtime network not ready: ${network}`;
      const problems = [runtime && `container runtime not ready: ${runtime}`, networkError, options.unhealthy()];
      return {
        problems: problems.filter((problem) => problem !== undefined),
        version: `${runtimeName}://${runtimeVersion}`,
        handlers: status.handlers.map(({ name, ...features }) => ({ name, features })),
        ...(status.features ? { features: status.features } : {}),
      };
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('the container runtime does not answer', { error: String(error) });
      const version = node?.status?.nodeInfo?.containerRuntimeVersion ?? '';
      const { runtimeHandlers = [], features } = node?.status ?? {};
      return {
        problems: ['container runtime is down'],
        version,
        handlers: runtimeHandlers,
        ...(features ? { features } : {}),
      };
    }
  };

  const listImages = async (signal: AbortSignal): Promise<ContainerImage[]> => {
    const images = await options.images.listImages(undefined, signal).catch(() => []);
    return images
      .toSorted((a, b) => b.size - a.size)
      .slice(0, maxImages)
      .map(({ repoDigests, repoTags, size }) => ({
        names: [...repoDigests, ...repoTags].slice(0, maxNamesPerImage),
        sizeBytes: size,
      }));
  };

  const register = async (signal: AbortSignal): Promise<Node> => {
    try {
      return await client.create(nodes, initialNode(identity), { signal });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    const existing = await client.get(nodes, { name: identity.name }, { signal });
    const labels = Object.fromEntries(
      Object.entries(nodeLabels(identity)).filter(([key, value]) => existing.metadata?.labels?.[key] !== value),
    );
    if (Object.keys(labels).length === 0) return existing;
    return await client.patch(
      nodes,
      { name: identity.name },
      { type: 'merge', body: { metadata: { labels } } },
      { signal },
    );
  };

  /** One look: observe, decide, and report what changed. Gives whether the node is Ready. */
  const pass = async (signal: AbortSignal): Promise<boolean> => {
    const [{ problems, version, handlers, features }, disk, pressure, images] = await Promise.all([
      observeRuntime(signal),
      options.disk(),
      options.pressure(),
      listImages(signal),
    ]);
    const current =
      node === undefined ? await register(signal) : await client.get(nodes, { name: identity.name }, { signal });
    const before = current.status ?? {};
    const { status, events } = decideNodeStatus(
      identity,
      {
        disk,
        pressure,
        problems,
        images,
        runtimeVersion: version,
        runtimeHandlers: handlers,
        ...(features ? { features } : {}),
      },
      before,
      clock.now(),
    );
    node = current;
    if (statusChanged(before, status) || clock.monotonic() - reportedAt >= nodeStatusTimes.reportMs) {
      // Another writer's newer object is no conflict: the patch holds only what the kubelet owns.
      const body = { status: { ...status, allocatable: withRemovals(before.allocatable, status.allocatable) } };
      node = await client.patch(
        nodes,
        { name: identity.name },
        { type: 'strategic', body },
        { subresource: 'status', signal },
      );
      reportedAt = clock.monotonic();
    }
    for (const event of events) recorder.event(reference, event.type, event.reason, event.message);
    return problems.length === 0;
  };

  const keepStatus = async (signal: AbortSignal): Promise<void> => {
    recorder.event(reference, 'Normal', 'Starting', 'Starting kubelet.');
    let retryMs = unreadyEveryMs;
    while (!signal.aborted) {
      let wait: number = unreadyEveryMs;
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      try {
        const isReady = await pass(signal);
        retryMs = unreadyEveryMs;
        if (isReady) {
          wait = nodeStatusTimes.updateMs;
          becameReady.resolve();
        }
      } catch (error) {
        if (signal.aborted) return;
        // Deleted by somebody: it is registered again.
        if (isApiError(error, 'NotFound')) node = undefined;
        logger.warn('the node status could not be updated', { error: String(error) });
        wait = retryMs;
        retryMs = Math.min(retryMs * 2, maxRetryMs);
      }
      const end = new AbortController();
      await Promise.race([sleep(clock, wait, AbortSignal.any([signal, end.signal])), woken]);
      end.abort();
    }
  };

  const renewLease = async (signal: AbortSignal): Promise<void> => {
    const name = { name: identity.name, namespace: leaseNamespace };
    const spec = {
      holderIdentity: identity.name,
      leaseDurationSeconds: nodeStatusTimes.leaseSeconds,
      renewTime: formatMicroTime(clock.now()),
    };
    try {
      const known = await client.get(leases, name, { signal });
      await client.update(leases, { ...known, spec: { ...known.spec, ...spec } }, { signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      const owner = node?.metadata?.uid;
      const fresh: Lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {
          ...name,
          ...(owner ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: identity.name, uid: owner }] } : {}),
        },
        spec,
      };
      await client.create(leases, fresh, { signal });
    }
  };

  const keepLease = async (signal: AbortSignal): Promise<void> => {
    let retryMs = firstLeaseRetryMs;
    while (!signal.aborted) {
      let wait = leaseEveryMs;
      try {
        await renewLease(signal);
        retryMs = firstLeaseRetryMs;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('the node lease could not be renewed', { error: String(error) });
        wait = retryMs;
        retryMs = Math.min(retryMs * 2, maxRetryMs);
      }
      await sleep(clock, wait, signal);
    }
  };

  return {
    nodeName: identity.name,
    ready: becameReady.promise,
    hostIPs: () => identity.addresses,
    node: () => node,
    networkError: () => networkError,
    refresh: () => wake(),
    async run(signal) {
      await Promise.all([keepStatus(signal), keepLease(signal)]);
    },
  };
}
