import { describe, expect, it } from 'vitest';
import { fieldErrorText, FieldPath } from './errors.ts';
import {
  configMapKey,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  envVarName,
  nameIsSubdomain,
  portName,
  cIdentifierMessages,
  nameIs1035Label,
  pathSegmentName,
} from './names.ts';
import type { ObjectMeta } from './types.ts';
import { validateLabelSelector, validateObjectMeta, validateObjectMetaUpdate } from './validate-meta.ts';

const create = (meta: ObjectMeta, namespaced = true): string[] =>
  validateObjectMeta({ namespace: namespaced ? 'ns' : '', ...meta }, namespaced, nameIsSubdomain).map(fieldErrorText);
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe('names', () => {
  it.each([
    [dns1123Subdomain('A'), [subdomain]],
    [dns1123Subdomain(`a${'.a'.repeat(127)}`), ['must be no more than 253 characters']],
    [dns1123Label('a.b'), ['must not contain dots']],
    [
      dns1123Label('a_b'),
      [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      dns1035Label('1a'),
      [
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [portName('-1-'), ['must contain at least one letter (a-z)', 'must not begin or end with a hyphen']],
    [
      envVarName('a=b'),
      ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
    ],
    [envVarName('1 :x'), []],
    [configMapKey('..a'), ["must not start with '..'"]],
    [nameIsSubdomain('pre-', true), []],
    [nameIs1035Label('pre-', true), []],
    [pathSegmentName('..'), ["may not be '..'"]],
    [pathSegmentName('a/b%'), ["may not contain '/'", "may not contain '%'"]],
    [cIdentifierMessages('a_1'), []],
  ])('%#', (messages, expected) => {
    expect(messages).toEqual(expected);
  });
});

describe('create', () => {
  it.each<[ObjectMeta, string[]]>([
    [{ name: 'a' }, []],
    [{}, ['metadata.name: Required value: name or generateName is required']],
    [{ name: 'A' }, [`metadata.name: Invalid value: "A": ${subdomain}`]],
    [{ name: 'a', namespace: '' }, ['metadata.namespace: Required value']],
    [
      { name: 'a', annotations: { a: 'x'.repeat(256 * 1024) } },
      ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    ],
    [
      { name: 'a', labels: { a: 'x'.repeat(64) } },
      [`metadata.labels: Invalid value: "${'x'.repeat(64)}": must be no more than 63 bytes`],
    ],
    [
      { name: 'a', finalizers: ['mine'] },
      [
        'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
      ],
    ],
    [
      { name: 'a', ownerReferences: [{ apiVersion: '', kind: 'K', name: 'n', uid: '' }] },
      [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      ],
    ],
  ])('%#', (meta, expected) => {
    expect(create(meta)).toEqual(expected);
  });
  it('refuses a namespace on a cluster-wide kind', () => {
    expect(create({ name: 'a', namespace: 'x' }, false)).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ]);
  });
});

describe('update', () => {
  const old: ObjectMeta = { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '5', generation: 2 };
  const update = (meta: ObjectMeta, before = old): string[] =>
    validateObjectMetaUpdate({ ...before, ...meta }, before).map(fieldErrorText);
  it.each<[ObjectMeta, string[]]>([
    [{}, []],
    [{ name: 'b' }, ['metadata.name: Invalid value: "b": field is immutable']],
    [{ resourceVersion: '' }, ['metadata.resourceVersion: Invalid value: "": must be specified for an update']],
    [{ generation: 1 }, ['metadata.generation: Invalid value: 1: must not be decremented']],
  ])('%#', (meta, expected) => {
    expect(update(meta)).toEqual(expected);
  });
  it('refuses new finalizers on a dying object', () => {
    expect(update({ finalizers: ['x.y/z'] }, { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' })).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}',
    ]);
  });
});

it('checks label selectors', () => {
  const errors = validateLabelSelector(new FieldPath('s'), {
    matchExpressions: [
      { key: 'a', operator: 'In' },
      { key: 'b', operator: 'Exists', values: ['x'] },
      { key: 'c', operator: 'Gt' },
    ],
  });
  expect(errors.map(fieldErrorText)).toEqual([
    "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    's.matchExpressions[2].operator: Invalid value: "Gt": not a valid selector operator',
  ]);
});
