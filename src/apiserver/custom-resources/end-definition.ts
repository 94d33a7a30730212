// Ends a CustomResourceDefinition: its objects go first, then the finalizer that held it.
// Follows apiextensions-apiserver pkg/controller/finalizer/crd_finalizer.go of v1.36.

import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '../../api/generated/types.ts';
import {
  cleanupFinalizer,
  findCondition,
  isConditionTrue,
  setCondition,
} from '../../api/kinds/customresourcedefinition/conditions.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { keyPrefix, type ResourceInfo } from '../resources.ts';

interface Deps {
  registry: RegistryDeps;
  transport: Transport;
}

const terminating = (status: string, reason: string, message: string): CustomResourceDefinitionCondition => ({
  type: 'Terminating',
  status,
  reason,
  message,
});

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * One attempt to end a definition that is being deleted; `infoOf` gives its resource as it is served. Its finalizer stays where
 * objects are left that take their time. Rejects where objects could not be deleted.
 */
export async function endDefinition(
  deps: Deps,
  given: CustomResourceDefinition,
  infoOf: () => ResourceInfo | undefined,
): Promise<void> {
  if (!(given.metadata?.finalizers ?? []).includes(cleanupFinalizer)) return;
  try {
    const inProgress = terminating('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
    const crd = await writeCondition(deps, given, inProgress);
    if (!isConditionTrue(crd.status, 'Established')) {
      await letGo(deps, crd, terminating('False', 'NeverEstablished', 'resource was never established'));
      return;
    }
    const info = infoOf();
    if (info === undefined) await deleteUnserved(deps, crd);
    else if ((await deleteInstances(deps, crd, info)) > 0) return;
    await letGo(deps, crd, terminating('False', 'InstanceDeletionCompleted', 'removed all instances'));
  } catch (error) {
    // Whoever was faster has it looked at again.
    if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
  }
}

/** Has every object deleted; gives how many are still there. */
async function deleteInstances(deps: Deps, crd: CustomResourceDefinition, info: ResourceInfo): Promise<number> {
  const { feed } = deps.registry;
  await feed.caughtUp();
  const failures: string[] = [];
  const found = [...feed.cache(info).objects.range(info.keyPrefix)];
  for (const { namespace, name } of found) {
    try {
      await deps.transport.request({ method: 'DELETE', path: pathOf(info, namespace, name) });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) failures.push(textOf(error));
    }
  }
  if (failures.length > 0) {
    const [first = ''] = failures;
    const why = failures.length === 1 ? first : `[${[...new Set(failures)].join(', ')}]`;
    const message = `could not issue all deletes: ${why}`;
    await writeCondition(deps, crd, terminating('True', 'InstanceDeletionFailed', message));
    throw new Error(message);
  }
  await feed.caughtUp();
  return [...feed.cache(info).objects.range(info.keyPrefix)].length;
}

function pathOf({ kind }: ResourceInfo, namespace: string, name: string): string {
  const within = kind.namespaced ? `namespaces/${namespace}/` : '';
  return `/apis/${kind.group}/${kind.version}/${within}${kind.resource}/${name}`;
}

/** Objects of which no version is served any more can have nobody who waits for them. */
async function deleteUnserved({ registry }: Deps, { spec }: CustomResourceDefinition): Promise<void> {
  const { store } = registry;
  const { items } = await store.range(keyPrefix(spec.group, spec.names.plural), {});
  for (const { key, modRevision } of items) await store.txn({ op: 'delete', key, expected: modRevision });
}

async function put(deps: Deps, crd: CustomResourceDefinition): Promise<CustomResourceDefinition> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata?.name ?? ''}/status`;
  return (await deps.transport.request({ method: 'PUT', path, body: crd })) as CustomResourceDefinition;
}

/** Writes the condition unless it is there. */
async function writeCondition(
  deps: Deps,
  crd: CustomResourceDefinition,
  condition: CustomResourceDefinitionCondition,
): Promise<CustomResourceDefinition> {
  const old = findCondition(crd.status, condition.type);
  if (old !== undefined && old.reason === condition.reason && old.message === condition.message) return crd;
  return put(deps, { ...crd, status: setCondition(crd.status, condition, deps.registry.clock.now()) });
}

async function letGo(
  deps: Deps,
  crd: CustomResourceDefinition,
  condition: CustomResourceDefinitionCondition,
): Promise<void> {
  const finalizers = (crd.metadata?.finalizers ?? []).filter((name) => name !== cleanupFinalizer);
  const status = setCondition(crd.status, condition, deps.registry.clock.now());
  await put(deps, { ...crd, metadata: { ...crd.metadata, finalizers }, status });
}
