// Changes one object, by PUT, PATCH or the server's own hand, again and again until no other write came between.
// Follows apiserver pkg/registry/generic/registry/store.go (Update) and registry/rest/update.go of v1.36.

import { goQuote } from '../../api/meta/go-format.ts';
import { badRequest, conflict, FieldPath, invalid, invalidObject, notFound } from '../../api/meta/errors.ts';
import type { Strategy } from '../../api/scheme.ts';
import { settle } from '../admission/admission.ts';
import { commitDelete, commitPut, currentVersion, dryVersion, plainError, placeOf } from './commit.ts';
import { mayVanish } from './finalizers.ts';
import { mutate } from './mutate.ts';
import { ownersWarning } from './not-collected.ts';
import type { ObjectPlace, ObjectVersion, StoredObject } from './object-version.ts';
import { sameContent } from './same-content.ts';
import type { ResourceInfo } from '../resources.ts';
import {
  attributes,
  longErrors,
  matchNamespace,
  namedAs,
  strategyContext,
  trackFields,
  type WriteContext,
} from './write-context.ts';

export const staleMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

/** Writes lost to others before giving up; upstream goes on for ever. */
const maxAttempts = 200;

/** What a change makes of the current object. */
export type Change =
  | { do: 'write'; object: StoredObject; settled?(stored: boolean): void }
  | { do: 'delete'; object: StoredObject }
  | { do: 'keep' };

/** What became of it: the version now, and whether it is the last. */
export interface Changed {
  version: ObjectVersion;
  deleted: boolean;
}

/**
 * Applies `change` to the newest version until it can be written. The change is made anew for every try, on a version that
 * it must not alter.
 */
export async function guaranteedUpdate(
  context: WriteContext,
  name: string,
  change: (current: ObjectVersion) => Promise<Change> | Change,
): Promise<Changed> {
  const { deps, info } = context;
  const place = placeOf(info, context.namespace, name);
  let current = await currentVersion(deps, info, place.key);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (current === undefined) throw notFound(info.qualified, name);
    const outcome = await change(current);
    const result = await carryOut(context, place, current, outcome);
    if (result.ok) return result;
    current = result.actual;
  }
  throw plainError(`${name} changed too often to be updated`);
}

type Tried = ({ ok: true } & Changed) | { ok: false; actual: ObjectVersion | undefined };

async function carryOut(
  context: WriteContext,
  place: ObjectPlace,
  current: ObjectVersion,
  change: Change,
): Promise<Tried> {
  const { deps, info, options } = context;
  switch (change.do) {
    case 'keep':
      return { ok: true, version: current, deleted: false };
    case 'write': {
      let stored = false;
      try {
        const tried = await write(context, place, current, change.object);
        stored = tried.ok;
        return tried;
      } finally {
        change.settled?.(stored);
      }
    }
    case 'delete': {
      const last = dryVersion(info, place, change.object, current.revision);
      if (options.dryRun) return { ok: true, version: last, deleted: true };
      const result = await commitDelete(deps, info, place, current);
      // The answer is what was asked for, at the version that it was asked of.
      return result.ok ? { ok: true, version: last, deleted: true } : result;
    }
    default:
      return change satisfies never;
  }
}

async function write(
  context: WriteContext,
  place: ObjectPlace,
  current: ObjectVersion,
  object: StoredObject,
): Promise<Tried> {
  const { deps, info, options } = context;
  info.kind.complete?.(object);
  if (sameContent(object, current)) return { ok: true, version: current, deleted: false };
  if (options.dryRun) return { ok: true, version: dryVersion(info, place, object, current.revision), deleted: false };
  const lease = info.kind.ttlMs === undefined ? current.lease : await deps.leases.leaseFor(info.kind.ttlMs);
  const result = await commitPut(deps, info, place, object, current, lease);
  return result.ok ? { ok: true, version: result.version, deleted: false } : result;
}

/**
 * Brings `object` (the client's, decoded and defaulted) over the current version: preconditions, strategy, validation, admission.
 * Gives what to write. Throws 409 when the client's resourceVersion or uid is not the current one, and 422; of a patch another uid
 * is no precondition, but a field that may not change.
 */
export async function prepareUpdate(
  context: WriteContext,
  strategy: Strategy,
  name: string,
  object: StoredObject,
  current: ObjectVersion,
  by: 'update' | 'patch' = 'update',
): Promise<Change> {
  const { info, deps } = context;
  const old = current.object();
  if (by === 'update') checkUid(context.info, name, object, old);
  checkVersion(context, strategy, name, object, old);
  await trackFields(context, strategy, old, object);
  await mutate(context, attributes(context, 'UPDATE', name, object, old), object);
  const { metadata } = object;
  if (old.metadata.generation === undefined) delete metadata.generation;
  else metadata.generation = old.metadata.generation;
  keepSystemFields(object, old);
  strategy.prepareForUpdate?.(object, old, strategyContext(context));
  const errors = strategy.validateUpdate(object, old, strategyContext(context));
  if (strategy.validateLong !== undefined) errors.push(...(await longErrors(context, strategy, object, old, errors)));
  if (errors.length > 0) throw invalidObject(namedAs(info), name, errors);
  const warned = strategy.warnings?.(object, old);
  if (warned !== undefined) context.warnings.push(...warned);
  context.warnings.push(...ownersWarning(info, object, old));
  strategy.canonicalize?.(object);
  const asked = attributes(context, 'UPDATE', name, object, old);
  try {
    await deps.admission.validate(asked);
  } catch (error) {
    settle(asked, false);
    throw error;
  }
  if (mayVanish(info, object, old)) return { do: 'delete', object };
  return { do: 'write', object, settled: (stored) => settle(asked, stored) };
}

/** Resources that upstream stores under other names. */
const storedNames: Readonly<Record<string, string>> = {
  services: 'services/specs',
  nodes: 'minions',
  ingresses: 'ingress',
};

/** Where upstream keeps the object, as the errors of its storage print it: only kinds of definitions stand below their group. */
function shownKey({ kind }: ResourceInfo, { metadata }: StoredObject): string {
  const { group, resource } = kind.storage ?? kind;
  const isBelowGroup = kind.schema !== undefined || /^api(extensions|registration)\./.test(group);
  const { namespace, name = '' } = metadata;
  const names = [...(isBelowGroup ? [group] : []), storedNames[resource] ?? resource];
  return `/${[...names, ...(namespace ? [namespace] : []), name].join('/')}`;
}

/** A uid that the client names must be the current one. */
function checkUid(info: ResourceInfo, name: string, { metadata: { uid } }: StoredObject, old: StoredObject): void {
  if (!uid || uid === old.metadata.uid) return;
  const key = shownKey(info, old);
  throw conflict(
    info.qualified,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`,
  );
}

/** So must a resourceVersion. */
function checkVersion(
  context: WriteContext,
  strategy: Strategy,
  name: string,
  object: StoredObject,
  old: StoredObject,
): void {
  const { info } = context;
  const { resourceVersion = '' } = object.metadata;
  if (resourceVersion === '' || resourceVersion === '0') {
    if (strategy.allowUnconditionalUpdate === false)
      throw invalidObject({ group: info.qualified.group, kind: info.qualified.resource }, name, [
        invalid(new FieldPath('metadata').child('resourceVersion'), 0, 'must be specified for an update'),
      ]);
  } else if (!/^\d+$/.test(resourceVersion)) {
    throw plainError(`strconv.ParseUint: parsing ${goQuote(resourceVersion)}: invalid syntax`);
  } else if (resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(info.qualified, name, staleMessage);
  }
}

/** What a client may leave out but not change, and the times that are not its to give, whatever it says. */
function keepSystemFields({ metadata }: StoredObject, old: StoredObject): void {
  const before = old.metadata;
  if (before.uid !== undefined) metadata.uid ||= before.uid;
  if (before.creationTimestamp !== undefined) metadata.creationTimestamp = before.creationTimestamp;
  if (before.deletionTimestamp !== undefined) metadata.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined)
    metadata.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds;
  if (before.generateName !== undefined) metadata.generateName ??= before.generateName;
  delete metadata.selfLink;
  if (before.resourceVersion !== undefined) metadata.resourceVersion = before.resourceVersion;
}

/** Refuses an object whose namespace or name is not the URL's; a namespace that it leaves out is filled in. */
export function checkPlace(context: WriteContext, object: StoredObject, name: string): void {
  matchNamespace(context.info, object, context.namespace);
  const given = object.metadata.name;
  if (!given)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}
