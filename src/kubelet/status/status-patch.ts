// The strategic merge patch that turns one pod status into another.
// Follows pkg/util/pod PatchPodStatus of v1.36, which sends a two-way merge patch with the pod's UID.

import type { PodStatus } from '../../api/generated/types.ts';
import { equalJson } from '../../api/meta/equal.ts';

// Lists of the status that strategic merge merges by a key; every other list is replaced whole.
const mergeKeys: Partial<Record<keyof PodStatus, string>> = {
  conditions: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  resourceClaimStatuses: 'name',
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The patch of one keyed list: changed items, deletions, and the order of all. */
function listPatch(field: string, key: string, before: unknown, after: unknown): Record<string, unknown> {
  const old = (Array.isArray(before) ? before : []).filter(isRecord);
  const next = (Array.isArray(after) ? after : []).filter(isRecord);
  const changed = next.flatMap((item) => {
    const was = old.find((o) => o[key] === item[key]);
    if (was === undefined) return [item];
    if (equalJson(was, item)) return [];
    const removed = Object.keys(was).filter((name) => !(name in item));
    return [{ ...item, ...Object.fromEntries(removed.map((name) => [name, null])) }];
  });
  const deleted = old
    .filter((o) => !next.some((item) => item[key] === o[key]))
    .map((o) => ({ $patch: 'delete', [key]: o[key] }));
  const order = next.map((item) => ({ [key]: item[key] }));
  return { [`$setElementOrder/${field}`]: order, [field]: [...changed, ...deleted] };
}

/** The body to PATCH to pods/status, or undefined when the statuses say the same. A changed UID makes the server refuse it. */
export function podStatusPatch(
  uid: string,
  before: PodStatus,
  after: PodStatus,
): { metadata: { uid: string }; status: Record<string, unknown> } | undefined {
  const old: Record<string, unknown> = { ...before };
  const next: Record<string, unknown> = { ...after };
  const keys: Record<string, string | undefined> = mergeKeys;
  const status: Record<string, unknown> = {};
  for (const field of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (equalJson(old[field], next[field])) continue;
    const key = keys[field];
    if (next[field] === undefined) status[field] = null;
    else if (key === undefined) status[field] = next[field];
    else Object.assign(status, listPatch(field, key, old[field], next[field]));
  }
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status };
}
