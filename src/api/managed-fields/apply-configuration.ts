// Server-side apply: merges what a manager wants of an object into it, unless that would take fields from others, and gives up what
// the manager wants no more. Follows structured-merge-diff v6 merge/update.go and apimachinery util/managedfields/internal of v1.36.
import { badRequest } from '../meta/errors.ts';
import { formatTime } from '../meta/time.ts';
import { apiVersionOf, type KubeObject, type ManagedFieldsEntry, parseApiVersion } from '../meta/types.ts';
import { cloneTree, isTree, sameTree, type Tree } from '../patch/json-tree.ts';
import { plainFailure } from '../patch/patch-errors.ts';
import { compareWritten } from './compare.ts';
import { type Conflict, conflictError } from './conflict-error.ts';
import { emptySet, type FieldSet, intersectSets, isEmptySet, subtractSets, unionSets } from './field-set.ts';
import { kubectlManager, lastAppliedFields, updateLastApplied } from './last-applied.ts';
import {
  decodeEntries,
  encodeEntries,
  type EndpointFields,
  endpointFields,
  identity,
  type Managed,
  type ManagedSets,
  ownable,
  reconcileManagers,
  setFields,
  type VersionView,
  type VersionViews,
} from './managed-entries.ts';
import { mergeConfiguration } from './merge-objects.ts';
import { fieldSetOf } from './object-fields.ts';
import { removeFields, withNamedFields } from './remove-fields.ts';
import { differences, updateManagedFields } from './update-managed-fields.ts';
import { configurationError } from './validate-configuration.ts';

/** Who owns what existed before the first apply to an object without managedFields. */
const beforeFirstApply = 'before-first-apply';

export interface ApplyRequest extends EndpointFields {
  group: string;
  version: string;
  kind: string;
  /** The version of the request, and the others that entries may be written in. */
  views: VersionViews;
  /** The live object; undefined where apply creates one. */
  live: KubeObject | undefined;
  /** What was applied, as it was sent. */
  config: Tree;
  manager: string;
  /** Whether fields of others are taken. */
  force: boolean;
  /** '' for the main resource. */
  subresource: string;
  /** ms since the epoch. */
  now: number;
}

/** The object to store, which is yet to be decoded and defaulted, and its managedFields. */
export interface Applied {
  object: Tree;
  managedFields: ManagedFieldsEntry[];
}

interface Applying extends ApplyRequest {
  readonly apiVersion: string;
  readonly view: VersionView;
  /** The live object without its managedFields, {} where there is none. */
  readonly before: Tree;
  readonly configObject: KubeObject;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The kind of an object as Go prints it: apps/v1, Kind=Deployment. */
export function typeText(object: Tree): string {
  const apiVersion = text(object['apiVersion']);
  // A version that is none says nothing of the kind either.
  if (apiVersion.split('/').length > 2) return '/, Kind=';
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${text(object['kind'])}`;
}

/** Which object a configuration is of, as upstream's errors tell. */
export function objectText(config: Tree): string {
  const metadata = isTree(config['metadata']) ? config['metadata'] : {};
  return `${text(metadata['namespace'])}/${text(metadata['name'])}; ${typeText(config)}`;
}

function withoutManagedFields(object: KubeObject | undefined): Tree {
  if (object === undefined) return {};
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

/** Refuses a configuration of another kind, one that sets managedFields, and one that the schema does not know. */
function begin(request: ApplyRequest): Applying {
  const { config, group, version, kind } = request;
  const apiVersion = apiVersionOf({ group, version });
  if (config['apiVersion'] !== apiVersion || config['kind'] !== kind)
    throw badRequest(`invalid object type: ${typeText(config)}`);
  const view = request.views(apiVersion);
  if (view === undefined) throw new Error(`no view of ${apiVersion} for ${kind}`);
  const configObject = config as KubeObject;
  if (configObject.metadata?.managedFields) throw badRequest('metadata.managedFields must be nil');
  const wrong = configurationError(view.schema, view.definition, config);
  if (wrong !== undefined) throw plainFailure(`failed to create typed patch object (${objectText(config)}): ${wrong}`);
  return { ...request, apiVersion, view, before: withoutManagedFields(request.live), configObject };
}

/** The managers of the live object. What was there before anybody was tracked belongs to one that stands for all of them. */
function managersBefore(applying: Applying): ManagedSets {
  const { live } = applying;
  try {
    const managed = decodeEntries(live?.metadata?.managedFields ?? []);
    if (managed.size > 0 || live === undefined) return managed;
  } catch (error) {
    throw plainFailure(`failed to decode managed fields: ${error instanceof Error ? error.message : String(error)}`);
  }
  const entries = updateManagedFields({
    ...applying,
    before: undefined,
    after: applying.before as KubeObject,
    managedFieldsBefore: [],
    manager: beforeFirstApply,
  });
  return decodeEntries(entries);
}

/** Everything that the managers own in one version. */
function ownedIn(managed: ManagedSets, apiVersion: string): FieldSet {
  let owned = emptySet;
  for (const { entry, set } of managed.values()) if (entry.apiVersion === apiVersion) owned = unionSets(owned, set);
  return owned;
}

/** Works on an object in one of its versions. */
const inVersion = (view: VersionView, object: Tree, work: (object: Tree) => Tree): Tree =>
  view.from(work(view.to(object as KubeObject) as Tree) as KubeObject) as Tree;

/** The merged object without what neither the pruned one has nor the managers of a version own. */
function addBackOwned(view: VersionView, merged: Tree, pruned: Tree, owned: FieldSet): Tree {
  const { schema, definition } = view;
  const all = (set: FieldSet): FieldSet => withNamedFields(schema, definition, set);
  const fieldsOf = (object: Tree): FieldSet => all(fieldSetOf(schema, definition, object));
  const kept = unionSets(fieldsOf(view.to(pruned as KubeObject) as Tree), all(owned));
  return inVersion(view, merged, (object) =>
    removeFields(schema, definition, object, subtractSets(fieldsOf(object), kept)),
  );
}

/**
 * Takes from the merged object what the manager applied last time, does not apply now, and nobody else owns. What was never its
 * own stays, also where it lies in what is given up.
 */
function prune(applying: Applying, merged: Tree, managed: ManagedSets, last: Managed): Tree {
  const lastVersion = last.entry.apiVersion ?? '';
  const view = applying.views(lastVersion);
  if (view === undefined || isEmptySet(last.set)) return merged;
  const { schema, definition } = view;
  const all = (set: FieldSet): FieldSet => withNamedFields(schema, definition, set);
  const lastSet = all(last.set);
  let pruned = inVersion(view, merged, (object) => removeFields(schema, definition, object, lastSet));
  // The version of what is pruned comes first: conversions may need what is added back.
  const versions = new Set([...managed.values()].map(({ entry }) => entry.apiVersion ?? ''));
  for (const version of [...versions].sort((a, b) => Number(b === lastVersion) - Number(a === lastVersion))) {
    const other = applying.views(version);
    if (other !== undefined) pruned = addBackOwned(other, merged, pruned, ownedIn(managed, version));
  }
  const left = all(fieldSetOf(schema, definition, view.to(pruned as KubeObject)));
  return inVersion(view, merged, (object) => {
    const gone = subtractSets(all(fieldSetOf(schema, definition, object)), left);
    return removeFields(schema, definition, object, intersectSets(gone, lastSet));
  });
}

/** What applying comes to, conflicts included. */
interface Outcome {
  readonly object: Tree;
  /** The manager's own place. */
  readonly own: string;
  readonly managed: ManagedSets;
  readonly conflicts: readonly Conflict[];
}

/** Merges, prunes, and takes fields from others; says which of those stood against it. */
function merge(applying: Applying, managed: ManagedSets): Outcome {
  const { view, before, config, apiVersion } = applying;
  const entry: ManagedFieldsEntry = {
    manager: applying.manager,
    operation: 'Apply',
    apiVersion,
    ...(applying.subresource ? { subresource: applying.subresource } : {}),
  };
  const own = identity(entry);
  const last = managed.get(own);
  const set = endpointFields(applying, fieldSetOf(view.schema, view.definition, config));
  managed.set(own, {
    entry: { ...entry, ...(last?.entry.time === undefined ? {} : { time: last.entry.time }) },
    set,
    untouched: false,
  });
  let object = mergeConfiguration(view.schema, view.definition, before, config);
  if (last !== undefined) object = prune(applying, object, managed, last);
  const difference = differences(applying.views, applying, compareWritten, before as KubeObject, object as KubeObject);
  const conflicts: Conflict[] = [];
  for (const [id, other] of managed) {
    const changes = id === own ? undefined : difference(other.entry.apiVersion ?? '');
    if (changes === undefined) continue;
    const conflict = intersectSets(other.set, changes.changed);
    if (!isEmptySet(conflict)) conflicts.push({ entry: other.entry, set: conflict });
    setFields(managed, id, subtractSets(subtractSets(other.set, conflict), changes.removed));
  }
  if (isEmptySet(ownable(set))) managed.delete(own);
  else setFields(managed, own, ownable(set));
  return { object, own, managed, conflicts };
}

/** Conflicts that force is needed for: all, but for kubectl those that its client-side apply had set itself. */
function standing(applying: Applying, conflicts: readonly Conflict[]): readonly Conflict[] {
  if (applying.force || conflicts.length === 0 || applying.manager !== kubectlManager) return conflicts;
  const { view, apiVersion, before } = applying;
  const allowed = lastAppliedFields(view.schema, view.definition, apiVersion, before as KubeObject);
  if (allowed === undefined) return conflicts;
  return conflicts
    .map(({ entry, set }) => ({ entry, set: subtractSets(set, allowed) }))
    .filter(({ set }) => !isEmptySet(set));
}

/**
 * Applies a configuration to a live object, or to none. Neither is changed. Throws 400 where the configuration is of another kind or
 * sets managedFields, 409 where fields of others stand against it and force is off, and 500 where the schema does not know it, as
 * upstream answers that.
 */
export function applyConfiguration(request: ApplyRequest): Applied {
  const applying = begin(request);
  const managed = managersBefore(applying);
  reconcileManagers(managed, applying.views);
  const outcome = merge(applying, managed);
  const conflicts = standing(applying, outcome.conflicts);
  if (!applying.force && conflicts.length > 0) throw conflictError(conflicts);
  const object = cloneTree(outcome.object);
  const own = managed.get(outcome.own);
  // A time tells when something was changed; a manager that only joins in gets none.
  if (own !== undefined && !sameTree(object, applying.before))
    managed.set(outcome.own, { ...own, entry: { ...own.entry, time: formatTime(applying.now) } });
  if (applying.manager === kubectlManager) updateLastApplied(object as KubeObject, applying.configObject);
  return { object, managedFields: encodeEntries(managed) };
}
