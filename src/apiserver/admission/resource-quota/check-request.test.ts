// What writes use, and which quotas let them in.
import { expect, test } from 'vitest';
import type { ResourceQuota } from '../../../api/generated/types.ts';
import { amountsText } from '../../../api/quota/amounts.ts';
import type { CountedWrite } from '../../../api/quota/evaluator.ts';
import { evaluatorOf } from '../../../api/quota/evaluators.ts';
import type { LimitedResource } from '../plugin-configuration.ts';
import { checkRequest, quotaState } from './check-request.ts';

type Fields = Record<string, unknown>;
const quota = (
  hard: Record<string, string>,
  used: Record<string, string> | undefined,
  spec: Fields = {},
): ResourceQuota => ({
  metadata: { name: 'q' },
  spec: { hard, ...spec },
  status: { hard, ...(used === undefined ? {} : { used }) },
});
const container = (requests?: Fields, limits?: Fields, name = 'c'): Fields => ({
  name,
  resources: { requests, limits },
});
const pod = (containers: Fields[], spec: Fields = {}, status: Fields = {}): Fields => ({
  metadata: { name: 'p' },
  spec: { containers, ...spec },
  status,
});
const create = (object: Fields): CountedWrite => ({ operation: 'CREATE', subresource: '', object, old: undefined });
const small = pod([container({ cpu: '100m', memory: '64Mi' }, { cpu: '200m' })]);
const bare = pod([container()]);
const exists = (scopeName: string): Fields => ({ scopes: [scopeName] });
const select = (operator: string, ...values: string[]): Fields => ({
  scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, ...(values.length ? { values } : {}) }] },
});
const high = pod([container()], { priorityClassName: 'high' });
const across = pod([container()], {
  affinity: {
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'k', namespaces: ['x'] }] },
  },
});

test.each<[string, string, CountedWrite, ResourceQuota, string]>([
  ['nothing limited', 'pods', create(small), quota({ secrets: '1' }, { secrets: '0' }), ''],
  [
    'pods, requests and limits',
    'pods',
    create(small),
    quota(
      { pods: '2', 'count/pods': '2', cpu: '1', 'requests.cpu': '1', memory: '1Gi', 'limits.cpu': '1' },
      { pods: '1', 'count/pods': '1', cpu: '1m', 'requests.cpu': '0', memory: '0', 'limits.cpu': '0' },
    ),
    'count/pods=1,cpu=100m,limits.cpu=200m,memory=64Mi,pods=1,requests.cpu=100m',
  ],
  [
    'vendors’ resources and huge pages',
    'pods',
    create(pod([container({ 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' })])),
    quota(
      { 'requests.example.com/gpu': '3', 'hugepages-2Mi': '4Mi', 'requests.hugepages-2Mi': '8Mi' },
      { 'requests.example.com/gpu': '1', 'hugepages-2Mi': '0', 'requests.hugepages-2Mi': '0' },
    ),
    'hugepages-2Mi=4Mi,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi',
  ],
  [
    'too many',
    'pods',
    create(small),
    quota({ pods: '2', cpu: '150m', memory: '1Gi' }, { pods: '2', cpu: '100m', memory: '0' }),
    'exceeded quota: q, requested: cpu=100m,pods=1, used: cpu=100m,pods=2, limited: cpu=150m,pods=2',
  ],
  [
    'what containers must say',
    'pods',
    create(
      pod([container({ cpu: '1' }, {}, 'b'), container({}, {}, 'a')], { initContainers: [container({}, {}, 'i')] }),
    ),
    quota({ cpu: '9', 'limits.memory': '1' }, {}),
    'failed quota: q: must specify cpu for: a,i; limits.memory for: a,b,i',
  ],
  [
    'what the pod says for all',
    'pods',
    create(pod([container()], { resources: { requests: { cpu: '1' } } })),
    quota({ cpu: '9' }, { cpu: '0' }),
    'cpu=1',
  ],
  [
    'not counted yet',
    'pods',
    create(bare),
    quota({ pods: '9' }, undefined),
    'status unknown for quota: q, resources: pods',
  ],
  [
    'a pod that has ended',
    'pods',
    create({ ...bare, status: { phase: 'Failed' } }),
    quota({ pods: '0', 'count/pods': '1' }, { pods: '0', 'count/pods': '0' }),
    'count/pods=1',
  ],
  [
    'BestEffort, a pod that is',
    'pods',
    create(bare),
    quota({ pods: '1' }, { pods: '0' }, exists('BestEffort')),
    'pods=1',
  ],
  [
    'BestEffort, a pod that is not',
    'pods',
    create(small),
    quota({ pods: '0' }, { pods: '0' }, exists('BestEffort')),
    '',
  ],
  ['NotBestEffort', 'pods', create(small), quota({ pods: '1' }, { pods: '0' }, exists('NotBestEffort')), 'pods=1'],
  [
    'Terminating',
    'pods',
    create(pod([container()], { activeDeadlineSeconds: 5 })),
    quota({ pods: '1' }, { pods: '0' }, exists('Terminating')),
    'pods=1',
  ],
  [
    'NotTerminating',
    'pods',
    create(pod([container()], { activeDeadlineSeconds: 5 })),
    quota({ pods: '0' }, { pods: '0' }, exists('NotTerminating')),
    '',
  ],
  [
    'CrossNamespacePodAffinity',
    'pods',
    create(across),
    quota({ pods: '0' }, { pods: '0' }, exists('CrossNamespacePodAffinity')),
    'exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
  ],
  [
    'a priority class',
    'pods',
    create(high),
    quota({ pods: '1' }, { pods: '0' }, select('In', 'high', 'low')),
    'pods=1',
  ],
  ['another priority class', 'pods', create(high), quota({ pods: '0' }, { pods: '0' }, select('In', 'low')), ''],
  ['all but one', 'pods', create(high), quota({ pods: '1' }, { pods: '0' }, select('NotIn', 'low')), 'pods=1'],
  ['any class', 'pods', create(bare), quota({ pods: '0' }, { pods: '0' }, select('Exists')), ''],
  ['no class', 'pods', create(bare), quota({ pods: '1' }, { pods: '0' }, select('DoesNotExist')), 'pods=1'],
  [
    'services are in no scope',
    'services',
    create({ spec: {} }),
    quota({ services: '0' }, { services: '0' }, exists('BestEffort')),
    '',
  ],
  [
    'services with ports',
    'services',
    create({ spec: { type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2 }] } }),
    quota(
      { services: '1', 'services.nodeports': '2', 'services.loadbalancers': '1', 'count/services': '1' },
      { services: '0', 'services.nodeports': '0', 'services.loadbalancers': '0', 'count/services': '0' },
    ),
    'count/services=1,services=1,services.loadbalancers=1,services.nodeports=2',
  ],
  [
    'claims by class',
    'persistentvolumeclaims',
    create({ spec: { storageClassName: 'gold', resources: { requests: { storage: '1500m' } } } }),
    quota(
      {
        'requests.storage': '9',
        'gold.storageclass.storage.k8s.io/requests.storage': '5',
        'x.storageclass.storage.k8s.io/persistentvolumeclaims': '0',
      },
      {
        'requests.storage': '0',
        'gold.storageclass.storage.k8s.io/requests.storage': '0',
        'x.storageclass.storage.k8s.io/persistentvolumeclaims': '0',
      },
    ),
    'gold.storageclass.storage.k8s.io/requests.storage=2,requests.storage=2',
  ],
  [
    'a change of type, for what is more',
    'services',
    {
      operation: 'UPDATE',
      subresource: '',
      object: { spec: { type: 'NodePort', ports: [{ port: 1 }] } },
      old: { spec: { ports: [{ port: 1 }] } },
    },
    quota({ services: '1', 'services.nodeports': '1' }, { services: '1', 'services.nodeports': '0' }),
    'services.nodeports=1',
  ],
  [
    'a resize, for what is more',
    'pods',
    {
      operation: 'UPDATE',
      subresource: 'resize',
      object: pod([container({ cpu: '3' })]),
      old: pod([container({ cpu: '1' })]),
    },
    quota({ pods: '1', cpu: '2' }, { pods: '1', cpu: '1' }),
    'exceeded quota: q, requested: cpu=2, used: cpu=1, limited: cpu=2',
  ],
  [
    'other updates of pods',
    'pods',
    { operation: 'UPDATE', subresource: '', object: small, old: bare },
    quota({ cpu: '0' }, { cpu: '0' }),
    '',
  ],
  [
    'objects by their own name',
    'secrets',
    create({}),
    quota({ secrets: '1', 'count/secrets': '1' }, { secrets: '0', 'count/secrets': '0' }),
    'count/secrets=1,secrets=1',
  ],
])('%s', (_, resource, write, limits, expected) => {
  const verdict = checkRequest([quotaState(limits)], write, evaluatorOf({ group: '', resource }), 0);
  expect(verdict.allowed ? amountsText(verdict.charges.get('q') ?? new Map()) : verdict.why).toBe(expected);
});

test('custom resources are counted by resource and group', () => {
  const limits = quota({ 'count/widgets.example.com': '1' }, { 'count/widgets.example.com': '1' });
  const widgets = evaluatorOf({ group: 'example.com', resource: 'widgets' });
  expect(checkRequest([quotaState(limits)], create({}), widgets, 0)).toMatchObject({
    why: 'exceeded quota: q, requested: count/widgets.example.com=1, used: count/widgets.example.com=1, limited: count/widgets.example.com=1',
  });
});

const limited = { apiGroup: '', resource: 'pods', matchContains: [], matchScopes: [] };
const highOnly = { scopeName: 'PriorityClass' as const, operator: 'In' as const, values: ['high'] };
test.each<[string, Fields, ResourceQuota[], Partial<LimitedResource>, string]>([
  ['no quota', bare, [], { matchContains: ['pods'] }, 'insufficient quota to consume: count/pods,pods'],
  [
    'a quota that covers it',
    bare,
    [quota({ pods: '1', 'count/pods': '1' }, { pods: '0', 'count/pods': '0' })],
    { matchContains: ['pods'] },
    '',
  ],
  [
    'a scope that no quota is for',
    high,
    [],
    { matchScopes: [highOnly] },
    'insufficient quota to match these scopes: [{PriorityClass In [high]}]',
  ],
  [
    'a scope that a quota is for',
    high,
    [quota({ pods: '1' }, { pods: '0' }, select('In', 'high'))],
    { matchScopes: [highOnly] },
    '',
  ],
  ['another scope', bare, [], { matchScopes: [highOnly] }, ''],
])('what only quotas let in: %s', (_, object, quotas, more, expected) => {
  const pods = evaluatorOf({ group: '', resource: 'pods' });
  const verdict = checkRequest(quotas.map(quotaState), create(object), pods, 0, [{ ...limited, ...more }]);
  expect(verdict.allowed ? '' : verdict.why).toBe(expected);
});
