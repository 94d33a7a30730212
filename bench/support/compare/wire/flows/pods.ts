// The subresources of pods, and what may change of them.
import type { Json } from '../../difference.ts';
import { ask, type Fields, type Step, types } from './step.ts';

export const pods = '/api/v1/namespaces/default/pods';
export const pod = (name: string, more: Fields = {}): Fields => ({
  metadata: { name },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        resources: { requests: { cpu: '1', memory: '1Mi' }, limits: { cpu: '1', memory: '1Mi' } },
      },
    ],
    ...more,
  },
});
const resize = (resources: Fields, name = 'c'): Json => ({ spec: { containers: [{ name, resources }] } });
const debug = (name: string, more: Fields = {}): Json => ({
  spec: { ephemeralContainers: [{ name, image: 'd', ...more }] },
});

export const podSteps: readonly Step[] = [
  ask('POST', pods, pod('flown')),
  ...['GET', 'PUT', 'PATCH', 'DELETE', 'POST'].flatMap((method) =>
    ['binding', 'resize', 'ephemeralcontainers', 'status', 'nosuch'].map((sub) =>
      ask(
        method,
        `${pods}/flown/${sub}`,
        method === 'GET' ? undefined : {},
        method === 'PATCH' ? types.merge : undefined,
      ),
    ),
  ),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Node', name: 'n' }, metadata: { name: 'other' } }),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Node', name: 'n' }, metadata: { name: 'flown', uid: 'x' } }),
  ask('POST', `${pods}/flown/binding`, {
    target: { kind: 'Node', name: 'n' },
    metadata: { name: 'flown', resourceVersion: '1' },
  }),
  ask('POST', `${pods}/flown/binding`, { target: { kind: 'Pod', name: 'n' } }),
  ask('POST', `${pods}/flown/binding`, { target: { name: '' } }),
  ask('POST', `${pods}/flown/binding?dryRun=All`, { target: { name: 'n' } }),
  ask('POST', `${pods}/flown/binding`, {
    target: { name: 'n' },
    metadata: { annotations: { a: 'b' }, labels: { l: 'm' } },
  }),
  ask('GET', `${pods}/flown`),
  ask('POST', `${pods}/flown/binding`, { target: { name: 'm' } }),
  ask('POST', '/api/v1/namespaces/default/bindings', { metadata: { name: 'flown' }, target: { name: 'm' } }),
  ask('POST', '/api/v1/namespaces/default/bindings', { metadata: { name: 'nosuch' }, target: { name: 'm' } }),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: '2' }, limits: { cpu: '2' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: '3' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { cpu: null }, limits: { cpu: null } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({ requests: { 'ephemeral-storage': '1' } }), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, resize({}, 'nosuch'), types.strategic),
  ask('PATCH', `${pods}/flown/resize`, { spec: { containers: [{ name: 'c', image: 'j' }] } }, types.strategic),
  ask('PATCH', `${pods}/flown/resize`, { metadata: { labels: { a: 'b' } } }, types.merge),
  ask('PATCH', `${pods}/flown`, resize({ requests: { cpu: '1' }, limits: { cpu: '1' } }), types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/resize?fieldManager=r`,
    { apiVersion: 'v1', kind: 'Pod', ...(resize({ limits: { cpu: '4' }, requests: { cpu: '4' } }) as Fields) },
    types.apply,
  ),
  ask(
    'PATCH',
    `${pods}/flown/resize?fieldManager=r&force=true`,
    { apiVersion: 'v1', kind: 'Pod', ...(resize({ limits: { cpu: '4' }, requests: { cpu: '4' } }) as Fields) },
    types.apply,
  ),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('d'), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('d', { image: 'e' }), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('c'), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('e', { ports: [{ containerPort: 1 }] }), types.strategic),
  ask('PATCH', `${pods}/flown/ephemeralcontainers`, debug('e', { targetContainerName: 'nosuch' }), types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    debug('e', { resources: { limits: { cpu: '1' } } }),
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    debug('e', { livenessProbe: { exec: { command: ['a'] } } }),
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    { spec: { ephemeralContainers: [{ name: 'd', $patch: 'delete' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/ephemeralcontainers`,
    { spec: { containers: [{ name: 'c', image: 'z' }] } },
    types.strategic,
  ),
  (last) => ask('PUT', `${pods}/flown/ephemeralcontainers`, last),
  ask('GET', `${pods}/flown/ephemeralcontainers`),
  ask('GET', `${pods}/flown/resize`),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: 5 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: 9 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { activeDeadlineSeconds: null } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { tolerations: [] } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { terminationGracePeriodSeconds: 1 } }, types.merge),
  ask('PATCH', `${pods}/flown`, { spec: { nodeName: 'x' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { phase: 'Odd' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { phase: 'Running', podIPs: [{ ip: 'x' }] } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { podIPs: [{ ip: '1.2.3.4' }], podIP: '1.2.3.5' } }, types.merge),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'Ready', status: 'False' },
        ],
      },
    },
    types.merge,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'A' }, { type: 'Ready' }],
        conditions: [{ type: 'A', status: 'False' }],
      },
    },
    types.strategic,
  ),
  ask('PATCH', `${pods}/flown/status`, { status: { conditions: [{ type: 'A', $patch: 'delete' }] } }, types.strategic),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    {
      status: {
        containerStatuses: [
          { name: 'c', ready: true, restartCount: 0, image: 'i', imageID: '', state: { running: {} } },
        ],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${pods}/flown/status`,
    { status: { containerStatuses: [{ name: 'nosuch', ready: true, restartCount: 0, image: 'i', imageID: '' }] } },
    types.merge,
  ),
  ask('PATCH', `${pods}/flown/status`, { status: { observedGeneration: -1 } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { hostIP: 'x' } }, types.merge),
  ask('PATCH', `${pods}/flown/status`, { status: { qosClass: 'Burstable' } }, types.merge),
  ask(
    'PATCH',
    `${pods}/flown/status?fieldManager=s`,
    { apiVersion: 'v1', kind: 'Pod', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=5`),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=9`),
  ask('DELETE', `${pods}/flown`),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=2`),
  ask('POST', `${pods}/flown/binding`, { target: { name: 'n' } }),
  ask('PATCH', `${pods}/flown`, { metadata: { finalizers: ['example.com/a'] } }, types.merge),
  ask('DELETE', `${pods}/flown?gracePeriodSeconds=0`),
  ask('GET', `${pods}/flown`),
  ask('POST', pods, pod('gated', { schedulingGates: [{ name: 'a.b/c' }] })),
  ask('POST', `${pods}/gated/binding`, { target: { name: 'n' } }),
  ask('PATCH', `${pods}/gated`, { spec: { schedulingGates: [{ name: 'a.b/d' }] } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { nodeSelector: { a: 'b' } } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { schedulingGates: null } }, types.merge),
  ask('PATCH', `${pods}/gated`, { spec: { nodeSelector: { a: 'c' } } }, types.merge),
  ask('DELETE', `${pods}/gated`),
];
