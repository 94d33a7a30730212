// Reads from method and path what a request asks for: verb, group, version, resource, subresource, namespace, name.
// Follows apiserver pkg/endpoints/request/requestinfo.go of v1.36.

import { type FieldTerm, parseFieldSelector } from '../api/meta/field-selector.ts';

/** What a request asks for. A path that is no resource path has isResource false. */
export interface RequestInfo {
  isResource: boolean;
  path: string;
  verb: string;
  prefix: 'api' | 'apis' | '';
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** Of a list, watch or deletecollection that has one which parses. */
  fieldSelector?: readonly FieldTerm[];
  /** Likewise, as written. */
  labelSelector?: string;
  /** What follows the subresource, for proxy paths: decoded segments. */
  rest: readonly string[];
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const namespaceSubresources = new Set(['status', 'finalize']);

const nonResource = (method: string, path: string): RequestInfo => ({
  isResource: false,
  path,
  verb: method.toLowerCase(),
  prefix: '',
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  rest: [],
});

/** The segments of a URL path. Escapes are undone first, so that an escaped slash parts segments, as upstream's do. */
function segmentsOf(path: string): string[] {
  const decoded = path.includes('%') ? decodedPath(path) : path;
  // A slash at the start or the end parts nothing.
  return decoded.slice(decoded.startsWith('/') ? 1 : 0, decoded.endsWith('/') ? -1 : undefined).split('/');
}

/** Escapes stand for bytes, which need not be UTF-8. One that is none stays as it is: whatever is in it, a path below a resource is the resource's. */
function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    const bytes = Buffer.from(path).toString('latin1');
    const undone = bytes.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    return Buffer.from(undone, 'latin1').toString('utf8');
  }
}

/** The info of one request; the query tells list from watch and a single object by field selector. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = segmentsOf(path);
  const [root] = parts;
  if (parts.length < 3 || (root !== 'api' && root !== 'apis')) return nonResource(method, path);
  const info = nonResource(method, path);
  let at = 1;
  if (root === 'apis') {
    if (parts.length < 4) return info;
    info.group = parts[at++] ?? '';
  }
  info.prefix = root;
  info.isResource = true;
  info.version = parts[at++] ?? '';
  info.verb = verbs[method] ?? '';
  if (parts[at] === 'watch' || parts[at] === 'proxy') {
    // The deprecated /api/v1/watch/… form: a watch whatever the query says.
    if (parts.length <= at + 1) return nonResource(method, path);
    info.verb = parts[at++] ?? '';
  }
  if (parts[at] === 'namespaces') {
    if (parts.length > at + 1) {
      info.namespace = parts[at + 1] ?? '';
      const third = parts[at + 2];
      // /namespaces/x/status is a subresource of the namespace, /namespaces/x/pods is a resource in it.
      if (third !== undefined && !namespaceSubresources.has(third)) at += 2;
    }
  }
  info.resource = parts[at] ?? '';
  info.name = parts[at + 1] ?? '';
  info.subresource = parts[at + 2] ?? '';
  info.rest = parts.slice(at + 3);
  refineVerb(info, query);
  return info;
}

/** A get without a name is a list or watch, a delete without one a deletecollection. */
function refineVerb(info: RequestInfo, query: URLSearchParams): void {
  if (info.name !== '') return;
  if (info.verb === 'get') info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  else if (info.verb === 'delete') info.verb = 'deletecollection';
  else if (info.verb !== 'watch') return;
  const labels = query.get('labelSelector');
  if (labels !== null && labels !== '') info.labelSelector = labels;
  const terms = fieldTerms(query.get('fieldSelector'));
  if (terms === undefined) return;
  info.fieldSelector = terms;
  if (info.verb !== 'deletecollection') info.name = singleName(terms) ?? '';
}

/** The terms by which authorization knows what a request is narrowed to; undefined without any, and where the list itself refuses them. */
function fieldTerms(selector: string | null): readonly FieldTerm[] | undefined {
  if (selector === null || selector === '') return undefined;
  try {
    return parseFieldSelector(selector);
  } catch {
    return undefined;
  }
}

/** metadata.name of a field selector that names exactly one object: authorization then sees the name, as upstream's does. */
function singleName(terms: readonly FieldTerm[]): string | undefined {
  const term = terms.find(({ field, operator }) => field === 'metadata.name' && operator === '=');
  return term !== undefined && !/^\.{0,2}$|[/%]/.test(term.value) ? term.value : undefined;
}

/** Go's reading of a boolean query parameter: present and not "0" or "false". */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '' && value !== '0' && value.toLowerCase() !== 'false';
}
