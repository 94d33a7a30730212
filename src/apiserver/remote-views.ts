// Works out who owns what of objects that a webhook converts: the working out is pure and wants conversions at once, so it is done
// again each time that one it asked for has come.

import type { VersionViews } from '../api/managed-fields/managed-entries.ts';
import { apiVersionOf, type KubeObject } from '../api/meta/types.ts';
import { cloneTree } from '../api/patch/json-tree.ts';
import { plainFailure } from '../api/patch/patch-errors.ts';
import type { Schema } from '../api/schema/schema.ts';
import { type AnyKind, schemaOf, type Storage } from '../api/scheme.ts';

type Convert = NonNullable<Storage['remote']>['convert'];

/** Thrown through the working out where it needs a conversion that is not known yet. */
class Wanted extends Error {
  readonly object: KubeObject;
  readonly apiVersion: string;
  readonly key: string;

  constructor(object: KubeObject, apiVersion: string, key: string) {
    super(`needed as ${apiVersion}`);
    this.object = object;
    this.apiVersion = apiVersion;
    this.key = key;
  }
}

/** The kind's versions, with objects converted as `known` tells. Follows apimachinery util/managedfields/internal/versionconverter.go. */
function viewsBy(kind: AnyKind, generated: Schema, known: ReadonlyMap<string, KubeObject>): VersionViews {
  const own = apiVersionOf(kind);
  const as = (object: KubeObject, apiVersion: string): KubeObject => {
    if (object.apiVersion === apiVersion) return object;
    const { managedFields: _, ...metadata } = object.metadata ?? {};
    const sent = { ...object, metadata };
    const key = JSON.stringify([apiVersion, sent]);
    const converted = known.get(key);
    if (converted === undefined) throw new Wanted(sent, apiVersion, key);
    return cloneTree(converted);
  };
  return (apiVersion) => {
    const version = apiVersion === own ? kind : kind.versions?.().find((one) => apiVersionOf(one) === apiVersion);
    if (version === undefined) return undefined;
    return {
      schema: schemaOf(version, generated),
      definition: version.definition,
      to: (object) => as(object, apiVersion),
      from: (object) => as(object, own),
    };
  };
}

/**
 * What `compute`, which is pure, comes to with the views of a kind whose objects `convert` converts. Rejects with 500 in the
 * converter's words.
 */
export async function withRemoteViews<T>(
  kind: AnyKind,
  generated: Schema,
  convert: Convert,
  compute: (views: VersionViews) => T,
): Promise<T> {
  const known = new Map<string, KubeObject>();
  const views = viewsBy(kind, generated, known);
  for (;;) {
    try {
      return compute(views);
    } catch (error) {
      if (!(error instanceof Wanted)) throw error;
      const [converted] = await convert([error.object], error.apiVersion).catch((why: unknown) => {
        throw plainFailure(why instanceof Error ? why.message : String(why));
      });
      known.set(error.key, converted ?? error.object);
    }
  }
}
