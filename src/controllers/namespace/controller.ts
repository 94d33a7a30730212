// Ends a terminating namespace: deletes what is in it, says what is left, and takes its finalizer away once it is empty.

import type { Namespace } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { namespaces } from '../../client/resources.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { isEmptied, namespaceFinalizer, statusAfter } from './decide.ts';
import { discoverNamespaced } from './discovery.ts';
import { emptyNamespace } from './empty-namespace.ts';

// Upstream's default of --concurrent-namespace-syncs.
const workers = 10;
// The usual queue's first retry comes too soon for work that waits for others.
const firstRetryMs = 500;

const isTerminating = (namespace: Namespace | undefined): boolean =>
  namespace?.metadata?.deletionTimestamp !== undefined &&
  (namespace.spec?.finalizers ?? []).includes(namespaceFinalizer);

export const namespaceController: Controller = (context) => {
  const { clock, logger, metrics, informers } = context;
  const queue = createWorkqueue({
    clock,
    logger,
    metrics,
    name: 'namespace',
    baseDelayMs: firstRetryMs,
    maxDelayMs: 60_000,
  });
  const look = (namespace: Namespace): void => {
    if (isTerminating(namespace)) queue.add(namespace.metadata?.name ?? '');
  };
  informers.namespaces.addHandler({ onAdd: look, onUpdate: (_old, namespace) => look(namespace) });
  // The last pod's end lets the rest go, without waiting for the grace period that it did not need.
  informers.pods.addHandler({
    onDelete: ({ metadata }) => {
      const namespace = metadata?.namespace ?? '';
      if (
        isTerminating(informers.namespaces.get(namespace)) &&
        informers.pods.byIndex('namespace', namespace).length === 0
      )
        queue.add(namespace);
    },
  });
  return (signal) =>
    queue.run(workers, signal, async (name) => {
      const seconds = await endNamespace(context, name, signal);
      if (seconds > 0) queue.addAfter(name, (seconds / 2 + 1) * 1_000);
    });
};

/** One attempt; gives the seconds that what is left may take, 0 when nothing is. Throws where the attempt itself failed. */
async function endNamespace(context: ControllerContext, name: string, signal: AbortSignal): Promise<number> {
  const { client, transport, clock } = context;
  try {
    let namespace = await client.get(namespaces, { name }, { signal });
    if (!isTerminating(namespace)) return 0;
    const discovery = await discoverNamespaced(transport, signal);
    const result = await emptyNamespace(client, name, discovery, signal);
    const status = statusAfter(namespace, result, clock.now());
    if (status) {
      namespace = await client.update(namespaces, { ...namespace, status }, { subresource: 'status', signal });
    }
    if (isEmptied(result)) {
      const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== namespaceFinalizer);
      await client.update(
        namespaces,
        { ...namespace, spec: { ...namespace.spec, finalizers } },
        { subresource: 'finalize', signal },
      );
      return 0;
    }
    if (result.estimateSeconds > 0) return result.estimateSeconds;
    throw new Error(
      [...result.discoveryErrors, ...result.contentErrors].join(', ') || 'content is left in the namespace',
    );
  } catch (error) {
    if (isApiError(error, 'NotFound')) return 0;
    throw error;
  }
}
