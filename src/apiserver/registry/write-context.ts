// What one write carries through the registry, and the steps that create and update share.
// Follows apiserver pkg/registry/rest/meta.go of v1.36.

import { ApiError, badRequest, type FieldError } from '../../api/meta/errors.ts';
import type { JsonObject, KubeObject } from '../../api/meta/types.ts';
import type { Strategy, StrategyContext } from '../../api/scheme.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import type { AdmissionAttributes, Operation } from '../admission/admission.ts';
import type { ApiRequest, UserInfo } from '../request.ts';
import type { ResourceInfo } from '../resources.ts';
import { type RegistryDeps, tooLargeMessage } from './commit.ts';
import type { StoredObject } from './object-version.ts';
import type { WriteOptions } from './write-options.ts';

/** One write under way. */
export interface WriteContext {
  readonly deps: RegistryDeps;
  readonly info: ResourceInfo;
  readonly user: UserInfo;
  /** What it came by: its audit annotations, and whether the client is still there. */
  readonly request: Pick<ApiRequest, 'annotations' | 'signal' | 'webhooksMs'>;
  readonly options: WriteOptions;
  readonly subresource: string;
  readonly namespace: string;
  readonly warnings: string[];
  /**
   * How managedFields comes about: from what the write changes (as where nothing is said), as apply has worked it out already, or not
   * at all, for an object that has become too large with it.
   */
  readonly ownership?: 'tracked' | 'applied' | 'dropped';
}

export function strategyContext(context: WriteContext): StrategyContext {
  const { deps, user, options } = context;
  return {
    now: deps.clock.now(),
    user: user.name,
    requester: user,
    dryRun: options.dryRun,
    allowPrivileged: deps.allowPrivileged,
    gates: deps.gates,
    warn: (text) => void context.warnings.push(text),
  };
}

/** What the longer checks of a strategy that has any find beside the errors `found`. */
export async function longErrors(
  context: WriteContext,
  { validateLong }: Strategy,
  object: StoredObject,
  old: StoredObject | undefined,
  found: readonly FieldError[],
): Promise<FieldError[]> {
  const signal = (): AbortSignal => context.request.signal();
  return (await validateLong?.(object, old, found, strategyContext(context), signal)) ?? [];
}

/** The kind as it is named where an object of it is refused: by the group that it is stored in. */
export const namedAs = ({ kind }: ResourceInfo): { group: string; kind: string } => ({
  group: (kind.storage ?? kind).group,
  kind: kind.kind,
});

/** Fills in the request's namespace, or refuses another one. */
export function matchNamespace(info: ResourceInfo, object: StoredObject, namespace: string): void {
  const { metadata } = object;
  if (!info.kind.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace === undefined || metadata.namespace === '') metadata.namespace = namespace;
  else if (metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

export function attributes(
  context: WriteContext,
  operation: Operation,
  name: string,
  object: KubeObject | undefined,
  old: StoredObject | undefined,
  options: () => JsonObject | undefined = () => optionsOf(context.options, operation),
): AdmissionAttributes {
  const { request } = context;
  return {
    operation,
    resource: context.info,
    subresource: context.subresource,
    namespace: context.namespace,
    name,
    user: context.user,
    dryRun: context.options.dryRun,
    object,
    old,
    warnings: context.warnings,
    options,
    annotations: request.annotations,
    signal: () => request.signal(),
    waited(ms) {
      request.webhooksMs = (request.webhooksMs ?? 0) + ms;
    },
    reinvocation: { again: false, wanted: false, kept: new Map() },
    settled: [],
  };
}

/** The options of a write as webhooks see them. A patch is an update to them. */
function optionsOf({ dryRun, sent }: WriteOptions, operation: Operation): JsonObject {
  const kind = operation === 'CREATE' ? 'CreateOptions' : 'UpdateOptions';
  return { kind, apiVersion: 'meta.k8s.io/v1', ...(dryRun ? { dryRun: ['All'] } : {}), ...sent };
}

/**
 * Makes a write, and makes it again without managedFields where the object was too large with them. Follows apiserver
 * endpoints/handlers/patch.go (isTooLargeError).
 */
export async function withoutFieldsIfTooLarge<T>(
  context: WriteContext,
  write: (context: WriteContext) => Promise<T>,
): Promise<T> {
  try {
    return await write(context);
  } catch (error) {
    if (!(error instanceof ApiError && error.message === tooLargeMessage)) throw error;
    return write({ ...context, ownership: 'dropped' });
  }
}

/**
 * Sets managedFields for the write: of what the client sent, before admission and strategy have their say. Where a webhook that
 * would have to convert the object fails, they stay as they were. Follows apimachinery util/managedfields/internal/fieldmanager.go.
 */
export function trackFields(
  context: WriteContext,
  strategy: Strategy,
  before: StoredObject | undefined,
  after: StoredObject,
): Soon<void> {
  if (context.ownership === 'applied') return;
  if (context.ownership === 'dropped') {
    delete after.metadata.managedFields;
    return;
  }
  const tracked = context.deps.machinery.managedFields({
    kind: context.info.kind,
    manager: context.options.fieldManager,
    subresource: context.subresource,
    now: context.deps.clock.now(),
    before,
    after,
    resetFields: strategy.resetFields,
    onlyFields: strategy.onlyFields,
  });
  const managed = tracked instanceof Promise ? tracked.catch(() => before?.metadata.managedFields ?? []) : tracked;
  return whenThere(managed, (entries) => {
    if (entries.length === 0) delete after.metadata.managedFields;
    else after.metadata.managedFields = entries;
  });
}
