// Puts the part of an extension server's OpenAPI v2 document that is for its group version into this server's document. Pure.
// Follows kube-openapi pkg/aggregator (FilterSpecByPaths, MergeSpecsIgnorePathConflictRenamingDefinitionsAndParameters).

import { equalJson } from '../../api/meta/equal.ts';
import type { JsonObject } from '../../api/meta/types.ts';

const prefix = '#/definitions/';

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const membersOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** Calls back for the name in every reference to a definition below the value. */
function eachReference(value: unknown, found: (name: string) => void): void {
  if (Array.isArray(value)) for (const one of value) eachReference(one, found);
  else if (isObject(value))
    for (const [key, below] of Object.entries(value))
      if (key === '$ref' && typeof below === 'string' && below.startsWith(prefix)) found(below.slice(prefix.length));
      else eachReference(below, found);
}

/** The same with references under other names. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (names.size === 0) return value;
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, below]) => {
      if (key !== '$ref' || typeof below !== 'string' || !below.startsWith(prefix)) return [key, renamed(below, names)];
      const name = below.slice(prefix.length);
      return [key, prefix + (names.get(name) ?? name)];
    }),
  );
}

/** The definitions that the paths need, and those that these need. */
function neededBy(paths: JsonObject, definitions: JsonObject): string[] {
  const needed = new Set<string>();
  const add = (name: string): void => {
    if (needed.has(name) || !Object.hasOwn(definitions, name)) return;
    needed.add(name);
    eachReference(definitions[name], add);
  };
  eachReference(paths, add);
  return [...needed];
}

/** `root` is where the group version's paths begin: /apis/example.com/v1/. A definition that differs from its namesake gets a name of its own. */
export function mergeRemoteV2(own: JsonObject, remote: JsonObject, root: string): JsonObject {
  const theirs = Object.entries(membersOf(remote['paths'])).filter(([path]) => path.startsWith(root));
  const paths = Object.fromEntries(theirs) as JsonObject;
  const [here, there] = [membersOf(own['definitions']), membersOf(remote['definitions'])];
  const needed = neededBy(paths, there);
  const names = new Map<string, string>();
  for (const name of needed) {
    if (!Object.hasOwn(here, name) || equalJson(here[name], there[name])) continue;
    let i = 2;
    while (Object.hasOwn(here, `${name}_v${i}`)) i++;
    names.set(name, `${name}_v${i}`);
  }
  const added = needed.map((name) => [names.get(name) ?? name, renamed(there[name], names)]);
  return {
    ...own,
    paths: { ...membersOf(own['paths']), ...(renamed(paths, names) as JsonObject) },
    definitions: { ...here, ...(Object.fromEntries(added) as JsonObject) },
  };
}
