// Checks of the names in resource.k8s.io: drivers, pools, devices, requests, attributes, and lists with a most.
// Follows pkg/apis/resource/validation/validation.go of v1.36.

import { duplicate, type FieldError, type FieldPath, invalid, required, tooLong, tooMany } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { cIdentifierMessages, dns1123Label, dns1123Subdomain } from '../../meta/names.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import { driverNameErrors } from '../pod/validation/remote-volumes.ts';

const maxPoolBytes = 253;
const maxIdBytes = 32;
/** A domain, a slash and an identifier. */
const maxQualifiedBytes = 63 + 1 + maxIdBytes;

export type Check<T> = (value: T, path: FieldPath) => FieldError[];

/** Checks each item of a list of at most `max`; a longer list is not looked at. */
export function limited<T>(
  list: readonly T[] | undefined,
  max: number,
  path: FieldPath,
  check: Check<T>,
): FieldError[] {
  const items = list ?? [];
  if (items.length > max) return [tooMany(path, items.length, max)];
  return items.flatMap((item, i) => check(item, path.index(i)));
}

/** As limited, and no two items have the same key. */
export function distinct<T>(
  list: readonly T[] | undefined,
  max: number,
  path: FieldPath,
  check: Check<T>,
  keyOf: (item: T) => string,
): FieldError[] {
  const items = list ?? [];
  const errors = limited(items, max, path, check);
  if (items.length > max) return errors;
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) errors.push(duplicate(path.index(i), key));
    seen.add(key);
  }
  return errors;
}

/** A key that is too long to be shown is cut in its middle. */
function shownKey(key: string, max: number): string {
  const room = Math.max(max, 16);
  if (byteLength(key) <= room) return key;
  const rest = room - 3;
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
}

/** Checks keys and values of a map of at most `max` entries; keys are shown with at most `maxKey` characters. */
export function entriesOf<T>(
  map: Readonly<Record<string, T>> | undefined,
  max: number,
  maxKey: number,
  path: FieldPath,
  checkKey: Check<string>,
  check: Check<T>,
): FieldError[] {
  const entries = Object.entries(map ?? {});
  if (entries.length > max) return [tooMany(path, entries.length, max)];
  return entries.flatMap(([key, value]) => {
    const at = path.key(shownKey(key, maxKey));
    return [...checkKey(key, at), ...check(value, at)];
  });
}

export const labelErrors: Check<string | undefined> = (name = '', path) => invalidEach(path, name, dns1123Label(name));

export const driverErrors: Check<string | undefined> = (name = '', path) => driverNameErrors(path, name);

/** Names of pools are subdomains with slashes between them. */
export function poolErrors(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path)];
  return [
    ...(byteLength(name) > maxPoolBytes ? [tooLong(path, maxPoolBytes)] : []),
    ...name.split('/').flatMap((part) => invalidEach(path, part, dns1123Subdomain(part))),
  ];
}

export const deviceClassNameErrors: Check<string | undefined> = (name, path) =>
  name ? invalidEach(path, name, dns1123Subdomain(name)) : [required(path)];

const identifierErrors = (id: string, path: FieldPath): FieldError[] => [
  ...(byteLength(id) > maxIdBytes ? [tooLong(path, maxIdBytes)] : []),
  ...invalidEach(path, id, cIdentifierMessages(id)),
];

/** The name of an attribute or capacity: an identifier, with the domain of who defines it before it or without. */
export function qualifiedErrors(name: string, path: FieldPath): FieldError[] {
  const [first = '', second, ...more] = name.split('/');
  if (second === undefined) return identifierErrors(first, path);
  // Upstream takes names with more slashes as they are.
  if (more.length > 0) return [];
  return [
    ...(first === '' ? [invalid(path, '', 'the domain must not be empty')] : driverNameErrors(path, first)),
    ...(second === '' ? [invalid(path, '', 'the name must not be empty')] : identifierErrors(second, path)),
  ];
}

/** As qualifiedErrors, with a domain for certain. */
export const fullyQualifiedErrors = (name: string, path: FieldPath): FieldError[] => [
  ...qualifiedErrors(name, path),
  ...(name.includes('/')
    ? []
    : [invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')]),
];

/** Checks a map whose keys are names of attributes or capacities. */
export const qualifiedEntries = <T>(
  map: Readonly<Record<string, T>> | undefined,
  path: FieldPath,
  check: Check<T>,
): FieldError[] => entriesOf(map, Number.POSITIVE_INFINITY, maxQualifiedBytes, path, qualifiedErrors, check);

/** What the parser of UUIDs says against it. */
function uuidProblem(text: string): string | undefined {
  const bare =
    text.length === 45 && /^urn:uuid:/i.test(text) ? text.slice(9) : text.length === 38 ? text.slice(1, 37) : text;
  if (![32, 36].includes(bare.length)) return `invalid UUID length: ${byteLength(text)}`;
  const form = bare.length === 32 ? /^[0-9a-fA-F]{32}$/ : /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
  return form.test(bare) ? undefined : 'invalid UUID format';
}

/** A UUID in its usual form, in small letters. */
export function uidErrors(uid: string, path: FieldPath): FieldError[] {
  const problem = uuidProblem(uid);
  if (problem !== undefined) return [invalid(path, uid, `error validating uid: ${problem}`)];
  const detail =
    'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  return uid.length === 36 && uid === uid.toLowerCase() ? [] : [invalid(path, uid, detail)];
}
