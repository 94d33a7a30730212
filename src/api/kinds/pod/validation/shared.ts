// What the checks of a PodSpec share: the facts about the pod that many of them need, and checks of paths and addresses.

import type { KeyToPath, Volume } from '../../../generated/types.ts';
import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../../meta/errors.ts';
import { dns1123Label, dns1123Subdomain } from '../../../meta/names.ts';
import { invalidEach } from '../../../meta/validate-meta.ts';

/** What the server allows. */
export interface PodValidationOptions {
  /** The API server's --allow-privileged. */
  allowPrivileged: boolean;
}

/** Facts about the pod that the checks of its parts need. */
export interface PodContext {
  options: PodValidationOptions;
  /** Valid volumes by name. */
  volumes: ReadonlyMap<string, Volume>;
  claimNames: ReadonlySet<string>;
  /** Seconds; undefined when the pod's own is not set. */
  gracePeriod: number | undefined;
  restartPolicy: string;
  /** False only when the pod has a user namespace of its own. */
  hostUsers: boolean;
  os: string | undefined;
}

export const oneVolumeType = 'may not specify more than 1 volume type';

export const isEmpty = (value: string | readonly unknown[] | undefined | null): boolean => !value || value.length === 0;

/** `Required value` when there is nothing. */
export const need = (path: FieldPath, value: string | readonly unknown[] | undefined | null): FieldError[] =>
  isEmpty(value) ? [required(path)] : [];

/** `Unsupported value` unless the value is one of these; `allowed` is listed as given. */
export const oneOf = (path: FieldPath, value: string, allowed: readonly string[]): FieldError[] =>
  allowed.includes(value) ? [] : [notSupported(path, value, allowed)];

/** As oneOf, but an empty value is a missing one. */
export const requiredOneOf = (path: FieldPath, value: string | undefined, allowed: readonly string[]): FieldError[] =>
  value ? oneOf(path, value, allowed) : [required(path)];

export const labelErrors = (path: FieldPath, value: string): FieldError[] =>
  invalidEach(path, value, dns1123Label(value));
export const subdomainErrors = (path: FieldPath, value: string): FieldError[] =>
  invalidEach(path, value, dns1123Subdomain(value));

/** No `..` among the path's parts. */
export const noBacksteps = (path: FieldPath, target: string): FieldError[] =>
  target.split('/').includes('..') ? [invalid(path, target, "must not contain '..'")] : [];

/** A path that stays below where it starts: relative, without `..`. */
export const descendingPath = (path: FieldPath, target: string): FieldError[] => [
  ...(target.startsWith('/') ? [invalid(path, target, 'must be a relative path')] : []),
  ...noBacksteps(path, target),
];

/** A descending path whose name does not begin with `..`, which atomic writers keep for themselves. */
export const nonReservedPath = (path: FieldPath, target: string): FieldError[] => [
  ...descendingPath(path, target),
  ...(target.startsWith('..') && !target.startsWith('../') ? [invalid(path, target, "must not start with '..'")] : []),
];

/** A file mode: 0 to 0777. */
export const modeErrors = (path: FieldPath, mode: number | undefined): FieldError[] =>
  mode !== undefined && (mode < 0 || mode > 0o777)
    ? [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
    : [];

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
const looseIpv4 = /^0*(\d{1,3})\.0*(\d{1,3})\.0*(\d{1,3})\.0*(\d{1,3})$/;

/** The family of an IP address, or undefined when it is none. IPv4 inside IPv6 notation counts as IPv4. */
export function ipFamily(address: string): 4 | 6 | undefined {
  if (ipv4.test(address)) return 4;
  if (!address.includes(':') || !/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
  const tail = address.slice(address.lastIndexOf(':') + 1);
  if (tail.includes('.') && !ipv4.test(tail)) return undefined;
  const text = tail.includes('.') ? `${address.slice(0, address.lastIndexOf(':') + 1)}0:0` : address;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const complete = halves.length === 2 ? groups.length < 8 : groups.length === 8;
  if (!complete) return undefined;
  return /^(?:0*:)*(?:::)?ffff:/i.test(address) && tail.includes('.') ? 4 : 6;
}

/** An IP address, strictly: no leading zeros, no IPv4 inside IPv6. Values in `kept` were there before and stay. */
export function ipErrors(path: FieldPath, value: string, kept: readonly string[] = []): FieldError[] {
  if (kept.includes(value)) return [];
  const family = ipFamily(value);
  if (family === 4 && value.includes(':')) return [invalid(path, value, 'must not be an IPv4-mapped IPv6 address')];
  if (family) return [];
  const loose = looseIpv4.exec(value);
  if (loose?.slice(1).every((part) => Number(part) <= 255)) return [invalid(path, value, 'must not have leading 0s')];
  return [invalid(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

function validateItem(path: FieldPath, { key, path: target, mode }: KeyToPath): FieldError[] {
  return [
    ...need(path.child('key'), key),
    ...need(path.child('path'), target),
    ...nonReservedPath(path.child('path'), target ?? ''),
    ...modeErrors(path.child('mode'), mode),
  ];
}

/** Checks which keys of a ConfigMap or Secret go to which files. */
export const itemErrors = (path: FieldPath, items: readonly KeyToPath[] | undefined): FieldError[] =>
  (items ?? []).flatMap((item, i) => validateItem(path.child('items').index(i), item));
