// Lists and single reads: from the cache at the newest state, from the store at older ones, whole or in chunks.
// Follows apiserver pkg/storage/cacher and etcd3/store.go of v1.36 in resourceVersion semantics.

import { ApiError, badRequest, gone, notFound } from '../../api/meta/errors.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { CompactedError, FutureRevisionError } from '../../store/store.ts';
import type { ObjectList } from '../request.ts';
import { objectKey, type ResourceInfo } from '../resources.ts';
import { converted, prepared, type RegistryDeps } from './commit.ts';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts';
import { type ListOptions, parseRevision } from './list-options.ts';
import { objectVersion, type ObjectVersion } from './object-version.ts';
import { type Selection, selects } from './resource-cache.ts';

/** How long a read waits for a revision that is not there yet, as upstream's watch cache does. */
const freshnessWaitMs = 3000;

/** Objects looked at by a selector before others get their turn: each may have to be parsed. */
const selectSlice = 250;

/** Reads one object, showing every acknowledged write and at least the asked revision. */
export async function getObject(
  deps: RegistryDeps,
  info: ResourceInfo,
  namespace: string,
  name: string,
  resourceVersion = '',
): Promise<ObjectVersion> {
  const wanted = parseRevision(resourceVersion, 'get');
  // Most are read when there is nothing to wait for.
  if (!deps.feed.isCaughtUp()) await deps.feed.caughtUp();
  if (wanted > 0) await atLeast(deps, wanted);
  const key = objectKey(info, namespace, name);
  if (info.kind.storage?.remote !== undefined) await prepared(deps, info, key);
  const found = deps.feed.cache(info).objects.get(key);
  if (found === undefined) throw notFound(info.qualified, name);
  return found;
}

/** Waits for a revision to be reached. Throws 504 when it does not come. */
export async function atLeast(deps: RegistryDeps, wanted: number): Promise<void> {
  if (wanted === 0) return;
  if (await deps.feed.reaches(wanted, freshnessWaitMs)) return;
  throw tooLargeVersion(wanted, deps.feed.progress);
}

function tooLargeVersion(wanted: number, current: number): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    reason: 'Timeout',
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
    code: 504,
  });
}

/** A list in the terms of its options. */
export async function listObjects(deps: RegistryDeps, info: ResourceInfo, options: ListOptions): Promise<ObjectList> {
  const { selection, resourceVersion: rv, limit } = options;
  const prefix = info.keyPrefix + (info.kind.namespaced && selection.namespace !== '' ? `${selection.namespace}/` : '');
  if (options.continue !== '') {
    const token = decodeContinue(options.continue, prefix);
    if (rv !== '' && rv !== '0') throw badRequest('specifying resource version is not allowed when using continue');
    return continueList(deps, info, options, prefix, token);
  }
  // With a limit, a resourceVersion meant that very one before resourceVersionMatch existed.
  const revision = parseRevision(rv, 'list');
  await deps.feed.caughtUp();
  await atLeast(deps, revision);
  const exact = options.match === 'Exact' || (limit > 0 && options.match === '' && revision > 0);
  if (exact) return listFromStore(deps, info, options, prefix, revision, prefix, false);
  // resourceVersion 0 asks for the cache, which knows no chunks.
  return listFromCache(deps, info, selection, prefix, prefix, rv === '0' ? 0 : limit);
}

/** The objects of the cache as it is now; it goes on changing while a long selection is made. */
async function listFromCache(
  deps: RegistryDeps,
  info: ResourceInfo,
  selection: Selection,
  prefix: string,
  startKey: string,
  limit: number,
): Promise<ObjectList> {
  await prepared(deps, info);
  const cache = deps.feed.cache(info);
  const revision = deps.feed.progressOf(info);
  const name = selection.fields.exact('metadata.name');
  if (name !== undefined && (!info.kind.namespaced || selection.namespace !== '') && startKey === prefix) {
    const only = cache.objects.get(prefix + name);
    const objects = only !== undefined && selects(selection, only) ? [only] : [];
    cache.listed(only === undefined ? 0 : 1, objects.length);
    return { objects, revision, continue: '', remainingItemCount: undefined };
  }
  const all = [...cache.objects.range(prefix, startKey)];
  const unselective = selection.labels.empty && selection.fields.empty;
  if (unselective) {
    const objects = limit > 0 && all.length > limit ? all.slice(0, limit) : all;
    cache.listed(all.length, objects.length);
    return page(objects, revision, prefix, all.length - objects.length, true);
  }
  const found: ObjectVersion[] = [];
  for (const [i, version] of all.entries()) {
    if (i > 0 && i % selectSlice === 0) await nextTurn();
    if (!selects(selection, version)) continue;
    // How many remain is told only without selectors; with them it is enough that one does.
    if (limit > 0 && found.length === limit) {
      cache.listed(i + 1, found.length);
      return page(found, revision, prefix, 1, false);
    }
    found.push(version);
  }
  cache.listed(all.length, found.length);
  return page(found, revision, prefix, 0, false);
}

/** One page, with a token where `left` objects follow it. */
function page(
  objects: readonly ObjectVersion[],
  revision: number,
  prefix: string,
  left: number,
  counted: boolean,
): ObjectList {
  const last = objects.at(-1);
  if (left === 0 || last === undefined) return { objects, revision, continue: '', remainingItemCount: undefined };
  return {
    objects,
    revision,
    continue: encodeContinue({ revision, startKey: `${last.key}\0` }, prefix),
    remainingItemCount: counted ? left : undefined,
  };
}

async function continueList(
  deps: RegistryDeps,
  info: ResourceInfo,
  options: ListOptions,
  prefix: string,
  token: ContinueToken,
): Promise<ObjectList> {
  await deps.feed.caughtUp();
  if (token.revision < 0) return listFromCache(deps, info, options.selection, prefix, token.startKey, options.limit);
  await atLeast(deps, token.revision);
  return listFromStore(deps, info, options, prefix, token.revision, token.startKey, true);
}

/** A list of the state at that revision. Throws 410 when it is compacted. */
async function listFromStore(
  deps: RegistryDeps,
  info: ResourceInfo,
  options: ListOptions,
  prefix: string,
  revision: number,
  startKey: string,
  continuing: boolean,
): Promise<ObjectList> {
  const { selection, limit } = options;
  const unselective = selection.labels.empty && selection.fields.empty;
  const cache = deps.feed.cache(info);
  const found: ObjectVersion[] = [];
  let from = startKey;
  try {
    for (;;) {
      const chunk = await deps.store.range(prefix, { startKey: from, revision, limit: limit > 0 ? limit + 1 : 1000 });
      await converted(
        info,
        chunk.items.map(({ value }) => value),
      );
      for (const [i, kv] of chunk.items.entries()) {
        if (limit > 0 && found.length === limit) {
          const last = found.at(-1);
          return {
            objects: found,
            revision,
            continue: encodeContinue({ revision, startKey: `${last?.key ?? ''}\0` }, prefix),
            remainingItemCount: unselective ? chunk.count - i : undefined,
          };
        }
        const cached = cache.objects.get(kv.key);
        const version =
          cached?.revision === kv.modRevision
            ? cached
            : objectVersion(info.kind, cache.place(kv.key), kv.value, kv.modRevision, kv.lease);
        if (unselective || selects(selection, version)) found.push(version);
      }
      const last = chunk.items.at(-1);
      if (!chunk.more || last === undefined)
        return { objects: found, revision, continue: '', remainingItemCount: undefined };
      from = `${last.key}\0`;
    }
  } catch (error) {
    if (error instanceof CompactedError) throw compacted(continuing, startKey, prefix);
    if (error instanceof FutureRevisionError) throw tooLargeVersion(revision, error.current);
    throw error;
  }
}

function compacted(continuing: boolean, startKey: string, prefix: string): ApiError {
  if (!continuing) return gone('The resourceVersion for the provided list is too old.');
  const error = gone(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  return new ApiError({ ...error.status, metadata: { continue: encodeContinue({ revision: -1, startKey }, prefix) } });
}
