// What may change of nodes, and how namespaces end.
import { ask, type Step, types } from './step.ts';

const nodes = '/api/v1/nodes';
export const nodeSteps: readonly Step[] = [
  ask('POST', nodes, { metadata: { name: 'flown' }, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: [{ key: 'b', effect: 'NoExecute' }] } }, types.strategic),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: [{ key: 'b', $patch: 'delete' }] } }, types.strategic),
  ask('PATCH', `${nodes}/flown`, { spec: { taints: null } }, types.strategic),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '1.2.3.4' }],
        capacity: { cpu: '4' },
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    { status: { addresses: [{ type: 'InternalIP', address: '1.2.3.5' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        '$setElementOrder/addresses': [{ type: 'Hostname' }, { type: 'InternalIP' }],
        addresses: [{ type: 'Hostname', address: 'h' }],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    { status: { addresses: [{ type: 'InternalIP', $patch: 'delete' }] } },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status`,
    {
      status: {
        '$setElementOrder/conditions': [{ type: 'A' }, { type: 'Ready' }],
        conditions: [{ type: 'A', status: 'Unknown' }],
      },
    },
    types.strategic,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status?fieldManager=a`,
    { apiVersion: 'v1', kind: 'Node', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask(
    'PATCH',
    `${nodes}/flown/status?fieldManager=a&force=true`,
    { apiVersion: 'v1', kind: 'Node', status: { conditions: [{ type: 'Ready', status: 'False' }] } },
    types.apply,
  ),
  ask('PATCH', `${nodes}/flown/status?fieldManager=a`, { apiVersion: 'v1', kind: 'Node', status: {} }, types.apply),
  ask('PATCH', `${nodes}/flown/status`, { metadata: { labels: { a: 'b' } } }, types.merge),
  ask('DELETE', `${nodes}/flown`),
  ask('POST', '/api/v1/namespaces', { metadata: { name: 'final' } }),
  ...['GET', 'PATCH', 'DELETE', 'POST'].map((method) =>
    ask(
      method,
      '/api/v1/namespaces/final/finalize',
      method === 'GET' ? undefined : {},
      method === 'PATCH' ? types.merge : undefined,
    ),
  ),
  ask('PUT', '/api/v1/namespaces/final/finalize', {}),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'other' } }),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'final' }, spec: { finalizers: ['bad'] } }),
  ask('PUT', '/api/v1/namespaces/final/finalize', {
    metadata: { name: 'final', labels: { a: 'b' } },
    spec: { finalizers: ['a.b/c', 'kubernetes'] },
  }),
  ask('PATCH', '/api/v1/namespaces/final', { spec: { finalizers: [] } }, types.merge),
  ask('PATCH', '/api/v1/namespaces/final/status', { status: { phase: 'Terminating' } }, types.merge),
  ask(
    'PATCH',
    '/api/v1/namespaces/final/status',
    { status: { conditions: [{ type: 'A', status: 'True' }] } },
    types.strategic,
  ),
  ask('DELETE', '/api/v1/namespaces/final?propagationPolicy=Orphan'),
  ask('PUT', '/api/v1/namespaces/final/finalize', { metadata: { name: 'final' }, spec: {} }),
  ask('GET', '/api/v1/namespaces/final'),
];
