// Holds two servers' OpenAPI documents side by side: each path's operations and each definition, but for what is only said to people.
import { differing, type Difference, type Json, sorted } from './difference.ts';
import { isUnserved } from './unserved.ts';

type JsonObject = { [key: string]: Json };

/** Gives the JSON of a path of one server. */
export type Read = (path: string) => Promise<Json>;

/** What Peapod has besides, where it is asked for. */
const added = /settings\.(k8s\.io|v1alpha1)/;

const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Without descriptions, and with what is a set in order; a property may be named description. */
function bare(value: Json, isNames = false): Json {
  if (Array.isArray(value)) return value.map((one) => bare(one));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, one]) => isNames || key !== 'description' || typeof one !== 'string',
  );
  return Object.fromEntries(
    entries.map(([key, one]) => {
      if (key === 'required' && Array.isArray(one)) return [key, one.map(String).sort()];
      return [key, bare(one, key === 'properties' && !isNames)];
    }),
  );
}

/** The operations of a path, each with all its parameters by name. v2 shares parameters between paths by reference. */
function operations(item: Json, shared: JsonObject): Json {
  const { parameters: common, ...methods } = object(item);
  const resolved = (one: Json): JsonObject => {
    const ref = text(object(one)['$ref']);
    return ref === '' ? object(one) : object(shared[ref.slice('#/parameters/'.length)]);
  };
  const all = Object.entries(methods).map(([method, operation]) => {
    const { parameters: own, ...rest } = object(operation);
    const parameters = [...list(common), ...list(own)].map(resolved);
    return [method, { ...rest, parameters: Object.fromEntries(parameters.map((one) => [text(one['name']), one])) }];
  });
  return bare(Object.fromEntries(all) as Json);
}

/** Each part of a document by a name of its own: paths, definitions, and the rest together. */
function partsOf(document: Json): Map<string, Json> {
  const { paths, definitions, components, parameters, info: _, ...rest } = object(document);
  const { schemas, ...otherComponents } = object(components);
  const parts = new Map<string, Json>();
  for (const [path, item] of Object.entries(object(paths))) parts.set(path, operations(item, object(parameters)));
  for (const [name, one] of Object.entries({ ...object(schemas), ...object(definitions) })) parts.set(name, bare(one));
  parts.set('the rest', bare({ ...rest, ...otherComponents }));
  return parts;
}

/** Definitions that only paths need which Peapod does not serve. */
const isNotNeeded = (name: string, document: Json): boolean =>
  name.startsWith('/') ? isUnserved(name) : name !== 'the rest' && !reachable(document).has(name);

const reached = new WeakMap<object, Set<string>>();

/** Names of the definitions that served paths lead to. */
function reachable(document: Json): Set<string> {
  const known = reached.get(document as object);
  if (known !== undefined) return known;
  const { paths, definitions, components } = object(document);
  const schemas = { ...object(object(components)['schemas']), ...object(definitions) };
  const found = new Set<string>();
  const walk = (value: Json | undefined): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      const name = key === '$ref' && typeof one === 'string' ? (one.split('/').at(-1) ?? '') : '';
      if (name === '' || name in schemas === false) walk(one as Json);
      else if (!found.has(name)) {
        found.add(name);
        walk(schemas[name]);
      }
    }
  };
  for (const [path, item] of Object.entries(object(paths))) if (!isUnserved(path)) walk(item);
  reached.set(document as object, found);
  return found;
}

/** Each part of the two documents that differs, and how many do not. */
export function compareDocuments(what: string, real: Json, peapod: Json): [number, Difference[]] {
  const [theirs, ours] = [partsOf(real), partsOf(peapod)];
  const found: Difference[] = [];
  let same = 0;
  for (const name of new Set([...theirs.keys(), ...ours.keys()])) {
    const [their, our] = [theirs.get(name), ours.get(name)];
    if (JSON.stringify(sorted(their ?? null)) === JSON.stringify(sorted(our ?? null))) same++;
    else if (our === undefined ? !isNotNeeded(name, real) : !added.test(name)) {
      const there = (part: Json | undefined): string => (part === undefined ? 'nothing' : 'there');
      const fields = differing(their, our).slice(0, 40);
      found.push({ what: `${what} ${name}`, real: there(their), peapod: there(our), fields });
    }
  }
  return [same, found];
}

/** Every document that both servers' indexes name, and the one of v2. */
export async function compareOpenApi(real: Read, peapod: Read): Promise<[number, Difference[]]> {
  const [theirs, ours] = await Promise.all(
    [real, peapod].map(async (read) => object(object(await read('/openapi/v3'))['paths'])),
  );
  const addresses = (index: JsonObject | undefined, name: string): string =>
    text(object(index?.[name])['serverRelativeURL']);
  let same = 0;
  const found: Difference[] = [];
  const add = ([alike, differ]: [number, Difference[]]): void => {
    same += alike;
    found.push(...differ);
  };
  for (const name of new Set([...Object.keys(theirs ?? {}), ...Object.keys(ours ?? {})])) {
    const at = [addresses(theirs, name), addresses(ours, name)] as const;
    if (at[0] === '' || at[1] === '') {
      if (at[1] === '' ? !isUnserved(`/${name}`) : !added.test(name))
        found.push({ what: `/openapi/v3 ${name}`, real: at[0] || 'nothing', peapod: at[1] || 'nothing', fields: [] });
    } else add(compareDocuments(`/openapi/v3/${name}`, await real(at[0]), await peapod(at[1])));
  }
  add(compareDocuments('/openapi/v2', await real('/openapi/v2'), await peapod('/openapi/v2')));
  return [same, found];
}
