// The operations of subresources that are no objects: logs, and connections that are passed on.
import type { Verb } from '../scheme.ts';
import { anyType, type Method, type Names, objectTypes, type Operation, title } from './operation.ts';
import { connectParameters, logParameters } from './parameters.ts';

const methodOf: Readonly<Partial<Record<Verb, Method>>> = {
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
};

/** What a proxy passes on besides. */
const proxyMethods: readonly Method[] = ['head', 'options'];

type GroupVersionKind = Names['gvk'];

/** Those of one subresource; `options` is the kind of its parameters, the kind itself for a log. */
export function connectOperations(
  names: Names,
  name: string,
  verbs: readonly Verb[],
  options: GroupVersionKind,
): Operation[] {
  const path = `${names.base}${names.collection}/{name}/${name}`;
  if (options.kind === names.kind.kind) return [logOperation(names, name, path)];
  const methods = verbs.flatMap((verb) => methodOf[verb] ?? []);
  const connect = (at: string, suffix: string) => (method: Method) =>
    connection(names, `${title(name)}${suffix}`, at, method, options);
  if (name !== 'proxy') return methods.map(connect(path, ''));
  const all = [...methods, ...proxyMethods];
  return [...all.map(connect(path, '')), ...all.map(connect(`${path}/{path}`, 'WithPath'))];
}

function logOperation({ prefix, scope, kind, tag, gvk }: Names, name: string, path: string): Operation {
  return {
    path,
    method: 'get',
    id: `read${prefix}${scope}${kind.kind}${title(name)}`,
    tag,
    description: `read ${name} of the specified ${kind.kind}`,
    action: 'get',
    gvk,
    parameters: logParameters,
    body: undefined,
    consumes: anyType,
    result: undefined,
    produces: ['text/plain', ...objectTypes],
    codes: [200],
    hasPretty: true,
  };
}

function connection(
  { prefix, scope, kind, tag }: Names,
  name: string,
  path: string,
  method: Method,
  gvk: GroupVersionKind,
): Operation {
  return {
    path,
    method,
    id: `connect${prefix}${title(method)}${scope}${kind.kind}${name}`,
    tag,
    description: `connect ${method.toUpperCase()} requests to ${path.split('{name}/')[1] ?? ''} of ${kind.kind}`,
    action: 'connect',
    gvk,
    parameters: connectParameters[gvk.kind] ?? [],
    body: undefined,
    consumes: anyType,
    result: undefined,
    produces: anyType,
    codes: [200],
    hasPretty: false,
  };
}
