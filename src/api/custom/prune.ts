// Removes what a structural schema does not specify, and nulls that it does not allow.
// Follows apiextensions-apiserver pkg/apiserver/schema/pruning and pkg/apiserver/schema/defaulting/prunenulls.go of v1.36.
import { isTree, type Tree } from '../patch/json-tree.ts';
import { additionalSchema, type CustomSchema, schemaOfKey } from './custom-schema.ts';

/** Fields that every object has, which schemas do not speak of. */
export const typeAndMeta: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Takes note of what is removed, by path: spec.list[0].field. */
class Pruner {
  readonly removed: string[] = [];

  prune(value: unknown, schema: CustomSchema | undefined, path: string, embedded: boolean): void {
    if (schema?.['x-kubernetes-preserve-unknown-fields'] === true) this.#keepUnknown(value, schema, path, embedded);
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.#below(item, schema?.items, `${path}[${i}]`);
    } else if (isTree(value)) this.#pruneObject(value, schema, path, embedded);
  }

  #below(value: unknown, schema: CustomSchema | undefined, path: string): void {
    this.prune(value, schema, path, schema?.['x-kubernetes-embedded-resource'] === true);
  }

  #pruneObject(object: Tree, schema: CustomSchema | undefined, path: string, embedded: boolean): void {
    for (const key of Object.keys(object)) {
      if (embedded && typeAndMeta.has(key)) continue;
      const at = childPath(path, key);
      const named = schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
      const allowed = schema?.additionalProperties !== undefined;
      if (named || allowed) {
        this.#below(object[key], named ? schema.properties?.[key] : additionalSchema(schema), at);
        continue;
      }
      if (!typeAndMeta.has(key) || path !== '') this.removed.push(at);
      delete object[key];
    }
  }

  /** Below a part that keeps what it does not know, only what has a schema of its own is looked into. */
  #keepUnknown(value: unknown, schema: CustomSchema | undefined, path: string, embedded: boolean): void {
    if (schema === undefined) return;
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.#keepUnknown(item, schema.items, `${path}[${i}]`, false);
    } else if (isTree(value)) {
      for (const key of Object.keys(value)) {
        if (embedded && typeAndMeta.has(key)) continue;
        const known = schemaOfKey(schema, key);
        if (known !== undefined || schema.additionalProperties !== undefined)
          this.#below(value[key], known, childPath(path, key));
      }
    }
  }
}

const childPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/**
 * Removes unknown fields in place and gives their paths, sorted. `isResource` says that the value is a whole object, whose type and
 * metadata stay.
 */
export function pruneUnknown(value: unknown, schema: CustomSchema | undefined, isResource: boolean): string[] {
  const pruner = new Pruner();
  pruner.prune(value, schema, '', isResource || schema?.['x-kubernetes-embedded-resource'] === true);
  return pruner.removed.sort();
}

/** Removes, in place, nulls that are neither allowed nor to be replaced by a default. */
export function pruneNulls(value: unknown, schema: CustomSchema | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) pruneNulls(item, schema?.items);
  } else if (isTree(value)) {
    for (const key of Object.keys(value)) {
      const below = schemaOfKey(schema, key);
      const bare = below !== undefined && below.nullable !== true && !hasDefault(below);
      if (value[key] === null && bare) delete value[key];
      else pruneNulls(value[key], below);
    }
  }
}

/** A default of null is none. */
export const hasDefault = (schema: CustomSchema): boolean => schema.default !== undefined && schema.default !== null;
