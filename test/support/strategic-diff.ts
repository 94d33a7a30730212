// Makes strategic merge patches as kubectl does: what turns one object into another.
// Follows apimachinery util/strategicpatch (CreateTwoWayMergePatch) of v1.36.
import { cloneTree, getKey, isTree, sameTree, type Tree } from '../../src/api/patch/json-tree.ts';
import type { FieldSchema, Schema } from '../../src/api/schema/schema.ts';

const strategies = (field: FieldSchema | undefined): string[] => field?.patchStrategy?.split(',') ?? [];

/** The smallest patch between two lists that are merged, and what goes beside it in the object that holds them. */
function diffLists(schema: Schema, name: string, field: FieldSchema, from: unknown[], to: unknown[]): Tree {
  const key = field.patchMergeKey;
  if (key === undefined)
    return {
      [name]: to.filter((item) => !from.includes(item)),
      [`$deleteFromPrimitiveList/${name}`]: from.filter((item) => !to.includes(item)),
      [`$setElementOrder/${name}`]: to,
    };
  const find = (list: unknown[], id: unknown): Tree | undefined => (list as Tree[]).find((item) => item[key] === id);
  const changed = (to as Tree[]).flatMap((item) => {
    const before = find(from, item[key]);
    if (before === undefined) return [item];
    const inner = diffObjects(schema, field.items?.ref, strategies(field).includes('retainKeys'), before, item);
    return Object.keys(inner).length === 0 ? [] : [{ ...inner, [key]: item[key] }];
  });
  const gone = (from as Tree[]).filter((item) => find(to, item[key]) === undefined);
  return {
    [name]: [...changed, ...gone.map((item) => ({ [key]: item[key], $patch: 'delete' }))],
    [`$setElementOrder/${name}`]: (to as Tree[]).map((item) => ({ [key]: item[key] })),
  };
}

function diffField(schema: Schema, name: string, field: FieldSchema | undefined, from: unknown, to: unknown): Tree {
  if (sameTree(from, to)) return {};
  const kinds = strategies(field);
  if (field && Array.isArray(from) && Array.isArray(to) && kinds.includes('merge') && from.length + to.length > 0)
    return diffLists(schema, name, field, from as unknown[], to as unknown[]);
  if (isTree(from) && isTree(to) && !kinds.includes('replace'))
    return { [name]: diffObjects(schema, field?.ref, kinds.includes('retainKeys'), from, to) };
  return { [name]: to };
}

function diffObjects(schema: Schema, definition: string | undefined, retain: boolean, from: Tree, to: Tree): Tree {
  const patch: Tree = {};
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) patch[name] = null;
  for (const name of Object.keys(to)) {
    const field = schema.definitions[definition ?? '']?.fields[name];
    Object.assign(patch, diffField(schema, name, field, getKey(from, name), to[name]));
  }
  if (retain && Object.keys(patch).length > 0) patch['$retainKeys'] = Object.keys(to).sort();
  return patch;
}

/** The strategic merge patch that turns `from` into `to`, both of that type and without nulls. */
export const strategicDiff = (schema: Schema, definition: string, from: Tree, to: Tree): Tree =>
  cloneTree(diffObjects(schema, definition, false, from, to));
