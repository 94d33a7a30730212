// Which ResourceQuotas are refused, and what their table shows.
import { expect, it, test } from 'vitest';
import type { ResourceQuota, ResourceQuotaSpec } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { resourceQuotaKind } from './definition.ts';
import { validateQuotaScopesKept, validateQuotaSpec } from './validate.ts';

const quota = (spec: object): ResourceQuota => ({
  metadata: { name: 'q', namespace: 'n' },
  spec: spec as ResourceQuotaSpec,
});
const selected = (hard: object, ...matchExpressions: object[]): object => ({
  hard,
  scopeSelector: { matchExpressions },
});
const notStandard = (name: string): string =>
  `spec.hard[${name}]: Invalid value: "${name}": must be a standard resource for quota`;

it.each<[object, string[]]>([
  [{ hard: { pods: '1', cpu: '500m', 'requests.memory': '1Gi', 'count/deployments.apps': '2' } }, []],
  [{ hard: { 'requests.nvidia.com/gpu': '1', 'hugepages-2Mi': '1Gi', 'requests.hugepages-2Mi': '1Gi' } }, []],
  [{ hard: { 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' } }, []],
  [{ hard: { storage: '1' } }, [notStandard('storage')]],
  [
    { hard: { apples: '1' } },
    [
      'spec.hard[apples]: Invalid value: "apples": must be a standard resource type or fully qualified',
      notStandard('apples'),
    ],
  ],
  [{ hard: { pods: '-1' } }, ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0']],
  [{ hard: { pods: '1500m' } }, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
  [{ hard: { pods: '1' }, scopes: ['BestEffort'] }, []],
  [{ hard: { pods: '1' }, scopes: ['Sometimes'] }, ['spec.scopes: Invalid value: ["Sometimes"]: unsupported scope']],
  [
    { hard: { cpu: '1' }, scopes: ['BestEffort'] },
    ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [
    { hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] },
    ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
  ],
  [selected({ pods: '1' }, { scopeName: 'PriorityClass', operator: 'In', values: ['high'] }), []],
  [
    selected({ pods: '1' }, { scopeName: 'PriorityClass', operator: 'In' }),
    [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  ],
  [
    selected({ pods: '1' }, { scopeName: 'PriorityClass', operator: 'Exists', values: ['x'] }),
    [
      "spec.scopeSelector.matchExpressions.values: Invalid value: [\"x\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
    ],
  ],
  [selected({ 'requests.storage': '1' }, { scopeName: 'VolumeAttributesClass', operator: 'Exists' }), []],
])('%j', (spec, errors) => expect(validateQuotaSpec(quota(spec)).map(fieldErrorText)).toEqual(errors));

test('scopes stay as they are', () => {
  const [a, b] = [quota({ scopes: ['BestEffort'] }), quota({ scopes: ['NotBestEffort'] })];
  expect(validateQuotaScopesKept(a, a)).toEqual([]);
  expect(validateQuotaScopesKept(b, a).map(fieldErrorText)).toEqual([
    'spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable',
  ]);
});

test('the table shows what is used of what', () => {
  const used: ResourceQuota = {
    metadata: { name: 'q' },
    status: {
      hard: { pods: '2', cpu: '1', 'limits.cpu': '2', 'limits.memory': '1Gi' },
      used: { pods: '1', cpu: '500m', 'limits.cpu': '1', 'limits.memory': '0' },
    },
  };
  expect(resourceQuotaKind.columns?.slice(0, 3).map(({ cell }) => cell(used, 0))).toEqual([
    'q',
    'cpu: 500m/1, pods: 1/2',
    'limits.cpu: 1/2, limits.memory: 0/1Gi',
  ]);
});
