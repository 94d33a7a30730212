// Deletes one object: at once, after a grace period, or once its finalizers are gone.
// Follows apiserver registry/rest/delete.go and registry/generic/registry/store.go (Delete), and core/namespace/storage of v1.36.

import { returnsDeleted } from '../../api/kinds/returns-deleted.ts';
import { conflict, notFound } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import { commitDelete, currentVersion, placeOf } from './commit.ts';
import { type DeleteOptions, deleteOptionsJson } from './delete-options.ts';
import { deletionFinalizers, specFinalizers } from './finalizers.ts';
import { waitsWarning } from './not-collected.ts';
import type { ObjectPlace, ObjectVersion, StoredObject } from './object-version.ts';
import { type Change, guaranteedUpdate } from './update.ts';
import { attributes, namedAs, type WriteContext } from './write-context.ts';

/** What a delete answers: the object as it is now, or a Status when it is gone and its kind does not return it. */
export type Deleted = { version: ObjectVersion; gone: boolean } | { status: JsonObject; gone: boolean };

type Verdict = 'now' | 'pending' | 'update';

/** Decides what the delete does to the object, which it changes for 'update'. Follows BeforeDelete. */
function applyGrace(context: WriteContext, object: StoredObject, options: DeleteOptions): Verdict | 'not-graceful' {
  const { metadata } = object;
  const { strategy } = context.info.kind;
  if (strategy.gracePeriod === undefined) return 'not-graceful';
  if (metadata.deletionTimestamp !== undefined) {
    const left = metadata.deletionGracePeriodSeconds;
    if (left === undefined || left === 0) return 'not-graceful';
    const period = options.gracePeriodSeconds;
    if (period === undefined || period >= left) return 'pending';
    // Only shortening: counted from when the deletion was first asked for.
    metadata.deletionTimestamp = formatTime(Date.parse(metadata.deletionTimestamp) - left * 1000 + period * 1000);
    metadata.deletionGracePeriodSeconds = period;
    return 'update';
  }
  const period = strategy.gracePeriod(object, {
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.propagationPolicy === undefined ? {} : { propagationPolicy: options.propagationPolicy }),
  });
  if (period === undefined) return 'not-graceful';
  metadata.deletionTimestamp = formatTime(context.deps.clock.now() + period * 1000);
  metadata.deletionGracePeriodSeconds = period;
  if ((metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation ?? 0) + 1;
  return 'update';
}

/** Marks an object that waits for its finalizers. */
function markDeleting(context: WriteContext, { metadata }: StoredObject): void {
  const now = context.deps.clock.now();
  const at = metadata.deletionTimestamp;
  if (at === undefined && (metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation ?? 0) + 1;
  if (at === undefined || Date.parse(at) > now) metadata.deletionTimestamp = formatTime(now);
  metadata.deletionGracePeriodSeconds = 0;
}

/**
 * Deletes the object of that name. Admission is told the name that was asked for: none where it is one of a collection.
 * Throws 403, 404, 409, 422.
 */
export async function deleteObject(
  context: WriteContext,
  name: string,
  options: DeleteOptions,
  asked = name,
): Promise<Deleted> {
  const { deps, info } = context;
  const place = placeOf(info, context.namespace, name);
  for (;;) {
    const current = await currentVersion(deps, info, place.key);
    if (current === undefined) throw notFound(info.qualified, name);
    checkPreconditions(context, current, options);
    const old = current.object();
    const deletion = attributes(context, 'DELETE', asked, undefined, old, () => deleteOptionsJson(options));
    await deps.admission.mutate(deletion);
    await deps.admission.validate(deletion);
    const done = await attempt(context, place, current, options);
    if (done !== undefined) return done;
  }
}

/** One try; undefined when another write came between. */
async function attempt(
  context: WriteContext,
  place: ObjectPlace,
  current: ObjectVersion,
  options: DeleteOptions,
): Promise<Deleted | undefined> {
  const { info, deps } = context;
  const object = current.withOwnMetadata();
  const isNamespace = info.kind.group === '' && info.kind.resource === 'namespaces';
  const verdict = isNamespace
    ? endNamespace(context, object)
    : (firstMark(context, object) ?? applyGrace(context, object, options));
  if (verdict === 'pending') return answer(context, current, false);
  const finalizers = deletionFinalizers(
    info,
    object.metadata.finalizers ?? [],
    options.propagationPolicy,
    options.orphanDependents,
  );
  if (finalizers !== undefined) {
    object.metadata.finalizers = finalizers;
    context.warnings.push(...waitsWarning(finalizers));
  }
  const waits = (object.metadata.finalizers?.length ?? 0) > 0 || specFinalizers(info, object) > 0;
  const grace = object.metadata.deletionGracePeriodSeconds ?? 0;
  if (waits && verdict === 'not-graceful') markDeleting(context, object);
  let last = current;
  // Watchers see the mark of the deletion even where nothing is waited for and the object goes right after it.
  if (waits || verdict === 'update') {
    const change: Change = { do: 'write', object };
    const written = await guaranteedUpdate(context, place.name, (now) => {
      if (now.revision !== current.revision) throw new ChangedMeanwhile();
      return change;
    }).catch(onChange);
    if (written === undefined) return undefined;
    if (waits || grace > 0) return { version: written.version, gone: false };
    last = written.version;
  }
  if (context.options.dryRun) return answer(context, last, true);
  const result = await commitDelete(deps, info, place, last);
  return result.ok ? answer(context, result.version, true) : undefined;
}

/** Marks an object whose kind has more to say of that; undefined where it is marked already, or its kind has not. */
function firstMark({ info, deps }: WriteContext, object: StoredObject): Verdict | undefined {
  const { markForDeletion } = info.kind.strategy;
  if (markForDeletion === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
  const now = deps.clock.now();
  object.metadata.deletionTimestamp = formatTime(now);
  markForDeletion(object, now);
  return 'update';
}

/** Another write came between reading and writing: the whole decision is made anew. */
class ChangedMeanwhile extends Error {}

function onChange(error: unknown): undefined {
  if (error instanceof ChangedMeanwhile) return undefined;
  throw error;
}

/** A namespace first turns Terminating; it goes once its spec's finalizers were taken away by /finalize. */
function endNamespace(
  context: WriteContext,
  object: StoredObject & { status?: { phase?: string } },
): Verdict | 'not-graceful' {
  if (object.metadata.deletionTimestamp !== undefined)
    return specFinalizers(context.info, object) > 0 ? 'pending' : 'not-graceful';
  markDeleting(context, object);
  delete object.metadata.deletionGracePeriodSeconds;
  object.status = { ...object.status, phase: 'Terminating' };
  return 'update';
}

function answer(context: WriteContext, version: ObjectVersion, gone: boolean): Deleted {
  const { qualified } = context.info;
  if (!gone && context.info.kind.strategy.gracePeriod === undefined) return { version, gone };
  const { group, resource } = qualified;
  // A namespace is given back by storage of its own.
  if (returnsDeleted(qualified) || (group === '' && resource === 'namespaces')) return { version, gone };
  const { uid } = version.object().metadata;
  const details = {
    name: version.name,
    ...(group === '' ? {} : { group }),
    kind: resource,
    ...(uid === undefined ? {} : { uid }),
  };
  return { status: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }, gone };
}

/** Kinds whose storage looks at preconditions by itself, in words of its own. */
const ownPreconditions: ReadonlySet<string> = new Set(['namespaces', 'customresourcedefinitions']);

/** Throws 409 where the object is not the one that is meant. */
export function checkPreconditions(
  { info }: Pick<WriteContext, 'info'>,
  current: ObjectVersion,
  options: Pick<DeleteOptions, 'uid' | 'resourceVersion'>,
): void {
  const { group, kind } = namedAs(info);
  const isOwn = ownPreconditions.has(info.kind.resource);
  const refuse = (what: string, asked: string, is: string, fate: string): Error =>
    isOwn
      ? conflict(
          info.qualified,
          current.name,
          `Precondition failed: ${what} in precondition: ${asked}, ${what} in object meta: ${is}`,
        )
      : conflict(
          { group, resource: kind },
          current.name,
          `the ${what} in the precondition (${asked}) does not match the ${what} in record (${is}). The object might have been ${fate}`,
        );
  const { uid = '' } = current.object().metadata;
  if (options.uid !== undefined && options.uid !== uid)
    throw refuse('UID', options.uid, uid, 'deleted and then recreated');
  const revision = String(current.revision);
  if (options.resourceVersion !== undefined && options.resourceVersion !== revision)
    throw refuse('ResourceVersion', options.resourceVersion, revision, 'modified');
}
