// Creates one object: names it, lets strategy and admission have their say, writes it.
// Follows apiserver pkg/registry/generic/registry/store.go (create) and registry/rest/create.go of v1.36.

import { alreadyExists, ApiError, forbidden, invalidObject } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { plainFailure } from '../../api/patch/patch-errors.ts';
import { randomSuffix } from '../../lib/random.ts';
import { settle } from '../admission/admission.ts';
import { commitPut, currentVersion, dryVersion, placeOf } from './commit.ts';
import { mutate } from './mutate.ts';
import { ownersWarning } from './not-collected.ts';
import type { ObjectVersion, StoredObject } from './object-version.ts';
import {
  attributes,
  longErrors,
  matchNamespace,
  namedAs,
  strategyContext,
  trackFields,
  type WriteContext,
} from './write-context.ts';

/** How often a generated name is tried before giving up. */
const nameAttempts = 8;
/** A generated name's fixed part is cut to this, so that the whole stays a label. */
const maxGenerateBase = 63 - 5;

/** Takes out what only the server says of an object. Follows registry/rest/meta.go, WipeObjectMetaSystemFields. */
export function wipeSystemFields(metadata: StoredObject['metadata']): void {
  delete metadata.creationTimestamp;
  delete metadata.uid;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

/**
 * Creates the object, which was decoded and defaulted and is the registry's from now on.
 * Throws 400, 403, 404, 409, 422 as upstream does.
 */
export async function createObject(context: WriteContext, object: StoredObject): Promise<ObjectVersion> {
  const { deps, info } = context;
  if (
    !context.options.dryRun &&
    object.metadata.resourceVersion !== undefined &&
    object.metadata.resourceVersion !== '' &&
    object.metadata.resourceVersion !== '0'
  )
    throw plainFailure('resourceVersion should not be set on objects to be created');
  delete object.metadata.resourceVersion;
  const createRefused = info.kind.createRefused?.();
  if (createRefused !== undefined) throw forbidden(info.qualified, object.metadata.name ?? '', createRefused);
  wipeSystemFields(object.metadata);
  matchNamespace(info, object, context.namespace);
  const tracked = trackFields(context, info.kind.strategy, undefined, object);
  if (tracked !== undefined) await tracked;
  await mutate(context, attributes(context, 'CREATE', object.metadata.name ?? '', object, undefined), object);
  matchNamespace(info, object, context.namespace);
  const { generateName = '' } = object.metadata;
  const { metadata } = object;
  if (!metadata.name && info.kind.strategy.namesItself) metadata.name = deps.random.uuid();
  const generated = !metadata.name && generateName !== '';
  // Plugins may have set some of it.
  wipeSystemFields(metadata);
  info.kind.strategy.prepareForCreate?.(object, strategyContext(context));
  metadata.creationTimestamp = formatTime(deps.clock.now());
  metadata.uid = deps.random.uuid();
  if (info.kind.hasGeneration) metadata.generation = 1;
  for (let attempt = 1; ; attempt++) {
    if (generated) metadata.name = generateName.slice(0, maxGenerateBase) + randomSuffix(deps.random);
    const made = await tryCreate(context, object);
    if (made.ok) return made.version;
    if (generated && attempt < nameAttempts) continue;
    throw taken(context, metadata.name ?? '', generated, made.actual);
  }
}

type Attempt = { ok: true; version: ObjectVersion } | { ok: false; actual: ObjectVersion | undefined };

async function tryCreate(context: WriteContext, object: StoredObject): Promise<Attempt> {
  const { deps, info } = context;
  const { strategy } = info.kind;
  const name = object.metadata.name ?? '';
  const errors = strategy.validateCreate(object, strategyContext(context));
  if (strategy.validateLong !== undefined)
    errors.push(...(await longErrors(context, strategy, object, undefined, errors)));
  if (errors.length > 0) throw invalidObject(namedAs(info), name, errors);
  const warned = strategy.warnings?.(object, undefined);
  for (const text of warned ?? []) context.warnings.push(text);
  context.warnings.push(...ownersWarning(info, object, undefined));
  strategy.canonicalize?.(object);
  const asked = attributes(context, 'CREATE', name, object, undefined);
  let stored = false;
  try {
    await deps.admission.validate(asked);
    const made = await store(context, object, name);
    stored = made.ok;
    return made;
  } finally {
    settle(asked, stored);
  }
}

/** Writes it, or only looks whether that could be done. */
async function store(context: WriteContext, object: StoredObject, name: string): Promise<Attempt> {
  const { deps, info } = context;
  const place = placeOf(info, context.namespace, name);
  info.kind.complete?.(object);
  if (context.options.dryRun) {
    const existing = await currentVersion(deps, info, place.key);
    return existing === undefined
      ? { ok: true, version: dryVersion(info, place, object, 0) }
      : { ok: false, actual: existing };
  }
  const lease = info.kind.ttlMs === undefined ? 0 : await deps.leases.leaseFor(info.kind.ttlMs);
  return await commitPut(deps, info, place, object, undefined, lease);
}

function taken(context: WriteContext, name: string, generated: boolean, actual: ObjectVersion | undefined): ApiError {
  const error = alreadyExists(context.info.qualified, name);
  let { message = '' } = error.status;
  if (generated) message += ', the server was not able to generate a unique name for the object';
  if (actual?.object().metadata.deletionTimestamp !== undefined) message = `object is being deleted: ${message}`;
  return new ApiError({ ...error.status, message });
}
