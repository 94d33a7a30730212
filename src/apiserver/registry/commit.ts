// The last step of every write: serialise once, compare and write in the store, and turn its failures into API errors.

import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { Soon } from '../../lib/soon.ts';
import type { EnabledGates } from '../../api/feature-gates.ts';
import { ApiError } from '../../api/meta/errors.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { type KeyValue, type Store, ValueTooLargeError } from '../../store/store.ts';
import type { AdmissionChain } from '../admission/admission.ts';
import type { ObjectMachinery } from '../machinery.ts';
import { objectKey, type ResourceInfo } from '../resources.ts';
import type { CacheFeed } from './cache-feed.ts';
import { noteServed } from './convert-stored.ts';
import {
  convertBytes,
  encodeObject,
  objectVersion,
  type ObjectPlace,
  type ObjectVersion,
  type StoredObject,
} from './object-version.ts';

/** What the storage says of an object that is too large for it. */
export const tooLargeMessage = 'etcdserver: request is too large';

/** What every registry operation works with. */
export interface RegistryDeps {
  readonly store: Store;
  readonly feed: CacheFeed;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly machinery: ObjectMachinery;
  readonly admission: AdmissionChain;
  readonly leases: LeaseIssuer;
  /** Whether privileged containers are let in. */
  readonly allowPrivileged: boolean;
  /** The feature gates that are on beside those of v1.36 itself. */
  readonly gates: EnabledGates;
  /** ms that a watch lasts at least that names no time; half an hour when absent. */
  readonly minWatchMs?: number;
}

/** Gives the store lease for an object that ends by itself. */
export interface LeaseIssuer {
  leaseFor(ttlMs: number): Promise<number>;
}

/** Shares leases among objects written within a twentieth of their life, as upstream's lease manager does. */
export function leaseIssuer(store: Store, clock: Clock): LeaseIssuer {
  const current = new Map<number, { lease: Promise<number>; until: number }>();
  return {
    leaseFor(ttlMs) {
      const now = clock.monotonic();
      const found = current.get(ttlMs);
      if (found !== undefined && found.until > now) return found.lease;
      const share = Math.min(60_000, ttlMs / 20);
      const lease = store.grantLease(ttlMs + share);
      current.set(ttlMs, { lease, until: now + share });
      // One that was refused must not be shared: the next write asks anew.
      lease.catch(() => current.delete(ttlMs));
      return lease;
    },
  };
}

/** Where an object of the resource is stored. */
export function placeOf(info: ResourceInfo, namespace: string, name: string): ObjectPlace {
  return { key: objectKey(info, namespace, name), namespace, name };
}

/** The current version of one object, showing every acknowledged write; undefined when there is none. */
export async function currentVersion(
  deps: RegistryDeps,
  info: ResourceInfo,
  key: string,
): Promise<ObjectVersion | undefined> {
  await deps.feed.caughtUp();
  await prepared(deps, info, key);
  return deps.feed.cache(info).objects.get(key);
}

export type CommitResult = { ok: true; version: ObjectVersion } | { ok: false; actual: ObjectVersion | undefined };

async function versionOf(
  info: ResourceInfo,
  place: ObjectPlace,
  kv: KeyValue | undefined,
): Promise<ObjectVersion | undefined> {
  if (kv === undefined) return undefined;
  await converted(info, [kv.value]);
  return objectVersion(info.kind, place, kv.value, kv.modRevision, kv.lease);
}

/** Makes stored bytes ready for versions of them, where another server converts them. Throws 500. */
export function converted({ kind }: ResourceInfo, stored: readonly Uint8Array[]): Soon<void> {
  return kind.storage?.remote === undefined ? undefined : orFail(convertBytes(kind, stored));
}

/** Makes what the cache of a kind holds ready where another server converts it: one object, or all. Throws 500. */
export async function prepared({ feed }: RegistryDeps, info: ResourceInfo, key?: string): Promise<void> {
  if (info.kind.storage?.remote !== undefined) await orFail(feed.prepared(info, key));
}

async function orFail<T>(converting: Promise<T>): Promise<T> {
  try {
    return await converting;
  } catch (error) {
    throw plainError(error instanceof Error ? error.message : String(error));
  }
}

/** The bytes that the store keeps for the object. */
function bytesOf(info: ResourceInfo, object: StoredObject): Buffer {
  const { storage } = info.kind;
  if (storage === undefined) return encodeObject(object);
  return encode(storage.toStorage(object));
}

const encode = (object: KubeObject): Buffer => encodeObject({ ...object, metadata: object.metadata ?? {} });

/** The same where another server may have to convert it. Throws 500. */
function bytesToStore(info: ResourceInfo, object: StoredObject): Soon<Buffer> {
  const remote = info.kind.storage?.remote;
  if (remote === undefined) return bytesOf(info, object);
  return orFail(remote.toStorage([object])).then(([stored = object]) => encode(stored));
}

/** Writes if `replaced` is the newest version (undefined: there is none). The object must not be changed afterwards. */
export async function commitPut(
  deps: RegistryDeps,
  info: ResourceInfo,
  place: ObjectPlace,
  object: StoredObject,
  replaced: ObjectVersion | undefined,
  lease = 0,
): Promise<CommitResult> {
  const bytes = bytesToStore(info, object);
  const value = bytes instanceof Promise ? await bytes : bytes;
  try {
    const result = await deps.store.txn({
      op: 'put',
      key: place.key,
      value,
      ...toReplace(replaced),
      ...(lease === 0 ? {} : { lease }),
    });
    if (!result.ok) return { ok: false, actual: await versionOf(info, place, result.actual) };
    const ready = converted(info, [value]);
    if (ready !== undefined) await ready;
    return { ok: true, version: objectVersion(info.kind, place, value, result.revision, lease) };
  } catch (error) {
    if (error instanceof ValueTooLargeError) throw plainError(tooLargeMessage);
    throw error;
  }
}

/** The condition of a write, with the bytes that need not be read again for it. */
const toReplace = (version: ObjectVersion | undefined): { expected: number; replaced?: Uint8Array } =>
  version === undefined ? { expected: 0 } : { expected: version.revision, replaced: version.stored };

/** What a dry run answers: the object as it would be, at the revision it came from. */
export function dryVersion(
  info: ResourceInfo,
  place: ObjectPlace,
  object: StoredObject,
  revision: number,
): ObjectVersion {
  const value = bytesOf(info, object);
  // It is in the served version still.
  if (info.kind.storage?.remote !== undefined) noteServed(info.kind, value, value);
  return objectVersion(info.kind, place, value, revision);
}

/** Deletes if `last` is the newest version. The version given back shows the object at the revision of its end. */
export async function commitDelete(
  deps: RegistryDeps,
  info: ResourceInfo,
  place: ObjectPlace,
  last: ObjectVersion,
): Promise<CommitResult> {
  const result = await deps.store.txn({ op: 'delete', key: place.key, ...toReplace(last) });
  if (!result.ok) return { ok: false, actual: await versionOf(info, place, result.actual) };
  return { ok: true, version: last.at(result.revision) };
}

/** 500 whose message is the storage's own, as upstream passes unknown storage errors on. */
export function plainError(message: string): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
}
