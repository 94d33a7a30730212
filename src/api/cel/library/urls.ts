// URLs. Follows apiserver pkg/cel/library/urls.go of v1.36 and Go's net/url.

import { goQuote } from '../../meta/go-format.ts';
import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import * as types from '../types.ts';
import { ArrayList, CelError, EntryMap, Opaque, type Value } from '../values.ts';

const urlType = types.opaque('kubernetes.URL');
const { bool, string } = types;

interface Parts {
  text: string;
  scheme: string;
  /** With its port. */
  host: string;
  /** As written. */
  path: string;
  query: string;
}

class Url extends Opaque {
  readonly type = urlType;
  readonly parts: Parts;

  constructor(parts: Parts) {
    super();
    this.parts = parts;
  }

  equals(other: Value): boolean {
    return other instanceof Url && other.parts.text === this.parts.text;
  }
}

const badEscape = (text: string): string | undefined => /%(?![0-9a-fA-F]{2}).{0,2}/su.exec(text)?.[0];

/** The parts of a URL that is absolute or an absolute path, or why Go's ParseRequestURI refuses it. */
function parseUrl(text: string): Parts | string {
  const fail = (why: string): string => `parse ${goQuote(text)}: ${why}`;
  if (Array.from(text).some((character) => character < ' ' || character === '\u007f'))
    return fail('net/url: invalid control character in URL');
  if (text === '') return fail('empty url');
  const colon = /^[^:/?#]*:/.exec(text)?.[0] ?? '';
  const scheme = colon.slice(0, -1);
  if (colon === ':') return fail('missing protocol scheme');
  const isScheme = /^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme);
  if (colon !== '' && !isScheme && /^[A-Za-z]/.test(scheme) === false && /^[0-9+.-]/.test(scheme))
    return fail('first path segment in URL cannot contain colon');
  const rest = isScheme ? text.slice(colon.length) : text;
  const unfragmented = rest.split('#')[0] ?? '';
  const [main = '', ...queries] = unfragmented.split('?');
  const query = queries.join('?');
  const base = { text, scheme: isScheme ? scheme.toLowerCase() : '', query };
  if (!main.startsWith('/')) return isScheme ? { ...base, host: '', path: '' } : fail('invalid URI for request');
  const hasHost = main.startsWith('//') && (isScheme || !main.startsWith('///'));
  if (!hasHost) return withPath({ ...base, host: '' }, main, fail);
  const end = main.indexOf('/', 2);
  const authority = main.slice(2, end < 0 ? undefined : end);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const problem = hostProblem(host);
  return problem === undefined ? withPath({ ...base, host }, end < 0 ? '' : main.slice(end), fail) : fail(problem);
}

function withPath(parts: Omit<Parts, 'path'>, path: string, fail: (why: string) => string): Parts | string {
  const bad = badEscape(path);
  return bad === undefined ? { ...parts, path } : fail(`invalid URL escape ${goQuote(bad)}`);
}

function hostProblem(host: string): string | undefined {
  const closing = host.lastIndexOf(']');
  if (host.startsWith('[') && closing < 0) return "missing ']' in host";
  const tail = host.startsWith('[')
    ? host.slice(closing + 1)
    : host.includes(':')
      ? host.slice(host.lastIndexOf(':'))
      : '';
  if (tail !== '' && !/^:\d*$/.test(tail)) return `invalid port ${goQuote(tail)} after host`;
  const bad = /[ "<>\\^`{|}]/.exec(host)?.[0];
  return bad === undefined ? undefined : `invalid character ${goQuote(bad)} in host name`;
}

function hostname({ host }: Parts): string {
  if (host.startsWith('[')) return host.slice(1, host.lastIndexOf(']'));
  return host.replace(/:\d*$/, '');
}

/** As written, where that is a right encoding; else encoded. */
function escapedPath({ path }: Parts): string {
  return path.replaceAll(/[^A-Za-z0-9\-_.~$&+,/:;=@!'()*%[\]]+/gu, (part) => encodeURIComponent(part.toWellFormed()));
}

function decode(text: string): string | undefined {
  if (badEscape(text) !== undefined) return undefined;
  const bytes = text
    .replaceAll('+', ' ')
    .replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (part) => Buffer.from(part.replaceAll('%', ''), 'hex').toString());
  return bytes;
}

function queryMap({ query }: Parts): Value {
  const values = new Map<string, Value[]>();
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const key = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (key === undefined || value === undefined) continue;
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  let map: EntryMap | CelError = new EntryMap();
  for (const [key, all] of values) if (map instanceof EntryMap) map = map.insert(key, new ArrayList(all));
  return map;
}

function toUrl(text: string): Value {
  const parts = parseUrl(text);
  return typeof parts === 'string'
    ? new CelError(`URL parse error during conversion from string: ${parts}`)
    : new Url(parts);
}

const get = (name: string, id: string, of: (parts: Parts) => string): FunctionDeclaration =>
  define(
    name,
    member(id, [urlType], string, ({ parts }: Url) => of(parts)),
  );

export const urlFunctions: readonly FunctionDeclaration[] = [
  define('url', overload('string_to_url', [string], urlType, toUrl)),
  define(
    'isURL',
    overload('is_url_string', [string], bool, (text: string) => typeof parseUrl(text) !== 'string'),
  ),
  get('getScheme', 'url_get_scheme', ({ scheme }) => scheme),
  get('getHost', 'url_get_host', ({ host }) => host),
  get('getHostname', 'url_get_hostname', hostname),
  get('getPort', 'url_get_port', ({ host }) => /:(\d*)$/.exec(host.slice(host.lastIndexOf(']') + 1))?.[1] ?? ''),
  get('getEscapedPath', 'url_get_escaped_path', escapedPath),
  define(
    'getQuery',
    member('url_get_query', [urlType], types.mapOf(string, types.listOf(string)), ({ parts }: Url) => queryMap(parts)),
  ),
];

/** Why a text is no URL, for the format `uri`; undefined where it is one. */
export function urlProblem(text: string): string | undefined {
  const parts = parseUrl(text);
  return typeof parts === 'string' ? parts : undefined;
}
