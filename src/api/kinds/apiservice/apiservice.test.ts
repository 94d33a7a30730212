import { describe, expect, test } from 'vitest';
import type { APIService } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { apiServiceKind } from './definition.ts';
import { builtInPriority, customPriority, inOrder } from './priorities.ts';

const context = { now: 0, user: 'x', dryRun: false, allowPrivileged: true };
const spec = { group: 'example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 };
const service = { namespace: 'default', name: 'notes' };
const object = (over: object, name = 'v1.example.com'): APIService => ({
  metadata: { name },
  spec: { ...spec, ...over },
});

function faults(made: APIService): string[] {
  apiServiceKind.defaults?.(made);
  return apiServiceKind.strategy.validateCreate(made, context).map(fieldErrorText);
}

describe('what is refused of an APIService', () => {
  test.each<[string, APIService, string[]]>([
    ['nothing of a local one', object({}), []],
    ['nothing of a remote one', object({ service, caBundle: 'YQ==' }), []],
    ['nothing of the core group', object({ group: undefined }, 'v1.'), []],
    [
      'another name',
      object({}, 'v2.example.com'),
      ['metadata.name: Invalid value: "v2.example.com": must be `spec.version+"."+spec.group`: "v1.example.com"'],
    ],
    [
      'an empty group of another version',
      object({ group: '', version: 'v2' }, 'v2.'),
      ['spec.group: Required value: only v1 may have an empty group and it better be legacy kube'],
    ],
    [
      'priorities out of range',
      object({ groupPriorityMinimum: 20_001, versionPriority: 0 }),
      [
        'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
        'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
      ],
    ],
    [
      'TLS of a local one',
      object({ caBundle: 'YWJj', insecureSkipTLSVerify: true }),
      [
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
        'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
      ],
    ],
    [
      'a service without a name',
      object({ service: {} }),
      ['spec.service.namespace: Required value', 'spec.service.name: Required value'],
    ],
    [
      'a bundle that nobody looks at',
      object({ service, caBundle: 'YWJj', insecureSkipTLSVerify: true }),
      ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
    ],
  ])('%s', (_what, made, expected) => expect(faults(made)).toEqual(expected));
});

test('the port of a service is 443 where none is said', () => {
  const made = object({ service: { ...service } });
  apiServiceKind.defaults?.(made);
  expect(made.spec?.service?.port).toBe(443);
});

test.each<[string, string, string]>([
  ['True', 'Passed', 'True'],
  ['False', 'MissingEndpoints', 'False (MissingEndpoints)'],
  ['', '', 'Unknown'],
])('AVAILABLE of %s %s is %s', (status, reason, text) => {
  const conditions = status === '' ? [] : [{ type: 'Available', status, reason }];
  const made: APIService = { ...object({ service }), status: { conditions } };
  const cells = apiServiceKind.columns?.map(({ cell }) => cell(made, 0)) ?? [];
  expect(cells.slice(0, 3)).toEqual(['v1.example.com', 'default/notes', text]);
});

test('groups and versions come by priority, equal ones by version and name', () => {
  const of = (group: string, version: string, priority = builtInPriority(group, version) ?? customPriority) => ({
    group,
    version,
    priority,
  });
  const order = inOrder([
    of('b.example.com', 'v1beta1'),
    of('b.example.com', 'v1'),
    of('a.example.com', 'v1'),
    of('high.example.com', 'v1', { group: 19_000, version: 1 }),
    of('autoscaling', 'v1'),
    of('autoscaling', 'v2'),
    of('apiextensions.k8s.io', 'v1'),
    of('admissionregistration.k8s.io', 'v1'),
    of('apiregistration.k8s.io', 'v1'),
    of('', 'v1'),
  ]);
  expect([...order].map(([group, versions]) => `${group}: ${versions.map(({ version }) => version).join()}`)).toEqual([
    ': v1',
    'apiregistration.k8s.io: v1',
    'high.example.com: v1',
    'autoscaling: v2,v1',
    'admissionregistration.k8s.io: v1',
    'apiextensions.k8s.io: v1',
    'a.example.com: v1',
    'b.example.com: v1,v1beta1',
  ]);
});
