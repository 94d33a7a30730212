// Shows objects of a kind in each API version that serves them, for managedFields that were written through another version.

import { onlyVersion, type VersionView, type VersionViews } from '../api/managed-fields/managed-entries.ts';
import { apiVersionOf, type KubeObject } from '../api/meta/types.ts';
import { cloneTree } from '../api/patch/json-tree.ts';
import type { Schema } from '../api/schema/schema.ts';
import { type AnyKind, schemaOf } from '../api/scheme.ts';

/**
 * The object of one kind as another that shares its storage serves it. Custom resources only change their version: their storage
 * sets defaults, which must not come back while fields are taken out. Those that a webhook converts are seen to by remote-views.ts.
 */
function convert(object: KubeObject, from: AnyKind, to: AnyKind): KubeObject {
  const custom = from.schema !== undefined;
  const stored = custom ? object : (from.storage?.toStorage(cloneTree(object)) ?? object);
  const served = custom ? stored : (to.storage?.fromStorage(stored) ?? stored);
  return { ...served, apiVersion: apiVersionOf(to), kind: to.kind };
}

function otherView(kind: AnyKind, apiVersion: string, generated: Schema): VersionView | undefined {
  const other = kind.versions?.().find((version) => apiVersionOf(version) === apiVersion);
  if (other === undefined) return undefined;
  return {
    schema: schemaOf(other, generated),
    definition: other.definition,
    to: (object) => convert(object, kind, other),
    from: (object) => convert(object, other, kind),
  };
}

const known = new WeakMap<AnyKind, VersionViews>();

/** The versions in which objects of the kind can be had. */
export function versionViews(kind: AnyKind, generated: Schema): VersionViews {
  let views = known.get(kind);
  if (views === undefined) {
    const own = onlyVersion(apiVersionOf(kind), schemaOf(kind, generated), kind.definition);
    views = (apiVersion) => own(apiVersion) ?? otherView(kind, apiVersion, generated);
    known.set(kind, views);
  }
  return views;
}
