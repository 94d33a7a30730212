// Semantic versions. Follows apiserver pkg/cel/library/semverlib.go of v1.36 and github.com/blang/semver/v4.

import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import * as types from '../types.ts';
import { CelError, Opaque, type Value } from '../values.ts';

const semverType = types.opaque('kubernetes.Semver');
const { bool, int, string } = types;

class Version extends Opaque {
  readonly type = semverType;
  readonly numbers: readonly bigint[];
  readonly pre: readonly (string | bigint)[];

  constructor(numbers: readonly bigint[], pre: readonly (string | bigint)[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }

  equals(other: Value): boolean {
    return other instanceof Version && compareVersions(this, other) === 0;
  }
}

const compareParts = (a: string | bigint, b: string | bigint): number => {
  if (typeof a !== typeof b) return typeof a === 'bigint' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
};

function compareVersions(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const order = compareParts(number, b.numbers[i] ?? 0n);
    if (order !== 0) return order;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = compareParts(a.pre[i] ?? 0n, b.pre[i] ?? 0n);
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

const quoted = (text: string): string => JSON.stringify(text);

function parse(text: string): Version | CelError {
  if (text === '') return new CelError('Version string empty');
  const [, major, minor, rest] = /^([^.]*)\.([^.]*)\.(.*)$/s.exec(text) ?? [];
  if (major === undefined || minor === undefined || rest === undefined)
    return new CelError('No Major.Minor.Patch elements found');
  const [, patch = '', pre, build] = /^([^-+]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(rest) ?? [];
  for (const [name, number] of Object.entries({ major, minor, patch })) {
    const title = name[0]?.toUpperCase() + name.slice(1);
    if (!/^\d*$/.test(number)) return new CelError(`Invalid character(s) found in ${name} number ${quoted(number)}`);
    if (number.length > 1 && number.startsWith('0'))
      return new CelError(`${title} number must not contain leading zeroes ${quoted(number)}`);
    if (number === '' || BigInt(number) >= 2n ** 64n)
      return new CelError(
        `strconv.ParseUint: parsing ${quoted(number)}: ${number === '' ? 'invalid syntax' : 'value out of range'}`,
      );
  }
  const identifiers = pre === undefined ? [] : pre.split('.');
  for (const one of identifiers) {
    if (one === '') return new CelError('Prerelease is empty');
    if (!/^[0-9A-Za-z-]+$/.test(one)) return new CelError(`Invalid character(s) found in prerelease ${quoted(one)}`);
    if (/^0\d+$/.test(one))
      return new CelError(`Numeric PreRelease version must not contain leading zeroes ${quoted(one)}`);
  }
  for (const one of build === undefined ? [] : build.split('.')) {
    if (one === '') return new CelError('Build meta data is empty');
    if (!/^[0-9A-Za-z-]+$/.test(one))
      return new CelError(`Invalid character(s) found in build meta data ${quoted(one)}`);
  }
  return new Version(
    [major, minor, patch].map(BigInt),
    identifiers.map((one) => (/^\d+$/.test(one) ? BigInt(one) : one)),
  );
}

/** Forgives a leading v, missing minor and patch numbers, and leading zeros. */
function normalized(text: string): Version | CelError {
  const [major = '', minor, ...rest] = (text.startsWith('v') ? text.slice(1) : text).split('.');
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(rest.length === 0 ? [] : [rest.join('.')])].map(
    (part) => {
      if (part.length < 2) return part;
      const trimmed = part.replace(/^0+/, '');
      return /^\d/.test(trimmed) ? trimmed : `0${trimmed}`;
    },
  );
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? ''))
    return new CelError('short version cannot contain PreRelease/Build meta data');
  while (parts.length < 3) parts.push('0');
  return parse(parts.join('.'));
}

const read = (text: string, normalize: boolean): Version | CelError => (normalize ? normalized(text) : parse(text));

const number = (name: string, i: number): FunctionDeclaration =>
  define(
    name,
    member(`semver_${name}`, [semverType], int, ({ numbers }: Version) => numbers[i] ?? 0n),
  );

export const semverFunctions: readonly FunctionDeclaration[] = [
  define(
    'semver',
    overload('string_to_semver', [string], semverType, parse),
    overload('string_bool_to_semver', [string, bool], semverType, read),
  ),
  define(
    'isSemver',
    overload('is_semver_string', [string], bool, (text: string) => parse(text) instanceof Version),
    overload(
      'is_semver_string_bool',
      [string, bool],
      bool,
      (text: string, normalize: boolean) => read(text, normalize) instanceof Version,
    ),
  ),
  define(
    'isGreaterThan',
    member(
      'semver_is_greater_than',
      [semverType, semverType],
      bool,
      (a: Version, b: Version) => compareVersions(a, b) > 0,
    ),
  ),
  define(
    'isLessThan',
    member(
      'semver_is_less_than',
      [semverType, semverType],
      bool,
      (a: Version, b: Version) => compareVersions(a, b) < 0,
    ),
  ),
  define(
    'compareTo',
    member('semver_compare_to', [semverType, semverType], int, (a: Version, b: Version) =>
      BigInt(compareVersions(a, b)),
    ),
  ),
  number('major', 0),
  number('minor', 1),
  number('patch', 2),
];
