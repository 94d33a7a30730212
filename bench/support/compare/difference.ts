// Whether two servers gave the same answer, but for what must differ.

import { isAdded, isOwnPath, isUnserved } from './unserved.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Answer {
  code: number;
  text: string;
  warnings: readonly string[];
  /** Of the answer's headers, by their names in small letters. */
  headers?: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Difference {
  what: string;
  /** Code, reason and message of each, with its warnings. */
  real: string;
  peapod: string;
  /** Where bodies that look the same differ: `.spec.x: real 1, peapod 2`. */
  fields: string[];
}

/** Values that no two servers share, whatever the object. */
const own = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'time',
  'lastTransitionTime',
  'lastPhaseTransitionTime',
  'nodePort',
  'continue',
  'expirationTimestamp',
  'token',
]);
/** Headers that say what the answer is, and what may be kept of it. */
const toldHeaders = [
  'content-type',
  'cache-control',
  'vary',
  'allow',
  'location',
  'retry-after',
  'www-authenticate',
  'x-content-type-options',
];

const maxFields = 10;
const maxText = 1000;
/** Of two values, so many characters before and after the first that differs. */
const [shownBefore, shownAfter] = [100, 200];

/** Undefined where both say the same. That Peapod does not act on a field yet is its own to say. */
export function difference(what: string, real: Answer, peapod: Answer): Difference | undefined {
  const [theirs, ours] = [real, peapod].map(parse) as [Parsed, Parsed];
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return undefined;
  return {
    what,
    real: summary(theirs),
    peapod: summary(ours),
    fields: [...differing(theirs.headers, ours.headers), ...differing(theirs.body, ours.body)].slice(0, maxFields),
  };
}

interface Parsed {
  code: number;
  body: Json;
  warnings: string[];
  headers: { [name: string]: Json };
}

function parse({ code, text, warnings, headers = {} }: Answer): Parsed {
  const shared = text
    .replaceAll(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access-x')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'a uid')
    .replaceAll(/(in record \(|in object meta: )\d+/g, '$1n')
    // Addresses of services, and of the servers themselves.
    .replaceAll(/"10\.(0|43)\.[0-9.]+(\\*)"/g, '"service address$2"')
    .replaceAll(/("targetPort":)\d{5}/g, '$1"port"')
    // YAML.
    .replaceAll(/((?:creationTimestamp|time): )"[-0-9T:]+Z"/g, '$1now')
    .replaceAll(/(resourceVersion: )"\d+"/g, '$1n')
    .replaceAll(/X509SHA256=[0-9a-f]{64}/g, 'a certificate')
    .replaceAll(/("(?:a-|A_|a{58}))[a-z0-9]{5}(\\*")/g, '$1generated$2')
    .replaceAll(/, current: \d+/g, '')
    // Objects that messages quote.
    .replaceAll(/(resourceVersion\\+":\\+")\d+/g, '$1n')
    .replaceAll(/((creationTimestamp|time)\\+":\\+")[-0-9T:]+Z/g, '$1now')
    .replaceAll(/\b\d+\.\d+\.\d+\.\d+:\d{4,5}\b/g, 'address');
  let body: Json = shared;
  try {
    body = comparable(JSON.parse(shared) as Json);
  } catch {
    // Plain text.
  }
  const said = warnings
    .flatMap((line) => line.split(/, (?=299 - )/))
    .filter((line) => !line.includes('accepted but not acted on'));
  const told = toldHeaders.map((name) => [name, headers[name] ?? null]);
  // A tag is each server's own; whether there is one is not.
  return { code, body, warnings: said, headers: { ...Object.fromEntries(told), etag: headers['etag'] !== undefined } };
}

/** With its keys in order, and without what is each server's own. */
function comparable(value: Json): Json {
  if (Array.isArray(value)) return inOrder(value.filter((one) => !isAside(one)).map(comparable));
  if (value === null || typeof value !== 'object') return age(value);
  // What columns of tables are said to mean is each server's own to say.
  const isColumn = 'format' in value && 'priority' in value;
  // Nor which build it is.
  if ('goVersion' in value) return { major: value['major'] ?? null, minor: value['minor'] ?? null };
  // Keys of tokens.
  if ('kty' in value) return Object.keys(value).sort();
  const keys = Object.keys(value).filter((key) => !own.has(key) && !(isColumn && key === 'description'));
  return Object.fromEntries(keys.sort().map((key) => [key, comparable(value[key] ?? null)]));
}

/** What is only on one side on purpose: groups, resources, and the paths that are each server's own. */
function isAside(value: Json): boolean {
  if (typeof value === 'string')
    return isOwnPath(value) || (value.startsWith('/apis/') && (isUnserved(value) || isAdded(value)));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const isDescribed = 'preferredVersion' in value || ('singularName' in value && 'verbs' in value);
  return isDescribed && typeof value['name'] === 'string' && (isUnserved(value['name']) || isAdded(value['name']));
}

/** Entries of managedFields stand by their times, and rules of a review in no order at all. */
function inOrder(list: Json[]): Json[] {
  const isUnordered = list.every(
    (one) =>
      one !== null && typeof one === 'object' && ('fieldsV1' in one || ('verbs' in one && !('singularName' in one))),
  );
  return isUnordered
    ? list
        .map((one) => [JSON.stringify(one), one] as const)
        .sort(byText)
        .map(([, one]) => one)
    : list;
}

const byText = ([a]: readonly [string, Json], [b]: readonly [string, Json]): number => (a < b ? -1 : a > b ? 1 : 0);

/** With keys in order. */
export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key] ?? null)]),
  );
}

/** Ages and times, as cells of tables have them. */
const age = (value: Json): Json =>
  typeof value === 'string' && /^((\d+[smhd])+( ago)?|\d{4}-\d\d-\d\dT[\d:]+Z)$/.test(value) ? 'age' : value;

function summary({ code, body, warnings }: Parsed): string {
  const said = warnings.length === 0 ? '' : ` with warnings ${warnings.join(', ')}`;
  if (code < 400) return `${code}${said}`;
  return `${code} ${reasonOf(body)}${said}`.slice(0, maxText);
}

/** Reason and message of a Status, or the plain text. */
function reasonOf(body: Json): string {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return JSON.stringify(body);
  const { reason, message } = body;
  return typeof reason === 'string' && typeof message === 'string' ? `${reason}: ${message}` : JSON.stringify(body);
}

/** Where two values differ: `.spec.x: real 1, peapod 2`. */
export function differing(real: Json | undefined, peapod: Json | undefined, at = ''): string[] {
  if (JSON.stringify(sorted(real ?? null)) === JSON.stringify(sorted(peapod ?? null))) return [];
  if (isNested(real) && isNested(peapod) && Array.isArray(real) === Array.isArray(peapod)) {
    const [theirs, ours] = [real, peapod] as Record<string, Json>[];
    const keys = new Set([...Object.keys(theirs ?? {}), ...Object.keys(ours ?? {})]);
    return [...keys].flatMap((key) => differing(theirs?.[key], ours?.[key], `${at}.${key}`));
  }
  const [theirs, ours] = [real, peapod].map((value) => JSON.stringify(value) ?? 'undefined') as [string, string];
  let same = 0;
  while (same < theirs.length && theirs[same] === ours[same]) same++;
  const [from, to] = [Math.max(0, same - shownBefore), same + shownAfter];
  return [`${at}: real ${theirs.slice(from, to)}, peapod ${ours.slice(from, to)}`];
}

const isNested = (value: Json | undefined): boolean => typeof value === 'object' && value !== null;
