// What quotas and limit ranges refuse, and count.
import { pod } from './pods.ts';
import { ask, type Step, types } from './step.ts';

const quotas = '/api/v1/namespaces/limited/resourcequotas';
const limitedPods = '/api/v1/namespaces/limited/pods';
export const quotaSteps: readonly Step[] = [
  ask('POST', '/api/v1/namespaces', { metadata: { name: 'limited' } }),
  ask('POST', '/api/v1/namespaces/limited/serviceaccounts', { metadata: { name: 'default' } }),
  ask('POST', quotas, {
    metadata: { name: 'q' },
    spec: { hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/configmaps': '2', services: '0' } },
  }),
  ask('POST', limitedPods, pod('early')),
  ask(
    'PATCH',
    `${quotas}/q/status`,
    {
      status: {
        hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/configmaps': '1', services: '0' },
        used: { pods: '0', 'requests.cpu': '0', 'limits.memory': '0', 'count/configmaps': '0', services: '0' },
      },
    },
    types.merge,
  ),
  ask('POST', limitedPods, { metadata: { name: 'bare' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
  ask('POST', `${limitedPods}?dryRun=All`, pod('dry')),
  ask('POST', limitedPods, pod('first')),
  ask('GET', `${quotas}/q`),
  ask('POST', limitedPods, pod('second')),
  ask('POST', `${limitedPods}?dryRun=All`, pod('second')),
  ask('POST', limitedPods, {
    metadata: { name: 'large' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '5', memory: '9Gi' } } }] },
  }),
  ask('POST', '/api/v1/namespaces/limited/services', { metadata: { name: 's' }, spec: { ports: [{ port: 1 }] } }),
  ask('POST', '/api/v1/namespaces/limited/configmaps', { metadata: { name: 'a' } }),
  ask('POST', '/api/v1/namespaces/limited/configmaps', { metadata: { name: 'b' } }),
  ask(
    'PATCH',
    '/api/v1/namespaces/limited/configmaps/b?fieldManager=f',
    { apiVersion: 'v1', kind: 'ConfigMap' },
    types.apply,
  ),
  ask('POST', quotas, { metadata: { name: 'scoped' }, spec: { hard: { pods: '0' }, scopes: ['BestEffort'] } }),
  ask('PATCH', `${quotas}/scoped/status`, { status: { hard: { pods: '0' }, used: { pods: '0' } } }, types.merge),
  ask('PATCH', `${quotas}/scoped`, { spec: { scopes: ['NotBestEffort'] } }, types.merge),
  ask('POST', limitedPods, { metadata: { name: 'effort' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
  ask('DELETE', `${limitedPods}/first?gracePeriodSeconds=0`),
  ask('GET', `${quotas}/q`),
  ask('POST', '/api/v1/namespaces/limited/limitranges', {
    metadata: { name: 'l' },
    spec: {
      limits: [
        { type: 'Container', max: { cpu: '500m' }, min: { memory: '2Mi' }, maxLimitRequestRatio: { memory: '1' } },
        { type: 'Pod', max: { cpu: '600m' } },
      ],
    },
  }),
  ask('POST', limitedPods, pod('ranged')),
  ask('POST', limitedPods, { metadata: { name: 'defaulted' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
];
