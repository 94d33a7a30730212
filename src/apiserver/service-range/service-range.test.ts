import { expect, it } from 'vitest';
import type { IPAddress, Service } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, verbs } from '../test-server.ts';
import { decideAddresses } from './decide.ts';

const service = (name: string, ...clusterIPs: string[]): Service => ({
  metadata: { name, namespace: 'default' },
  spec: { clusterIPs },
});
const address = (name: string, parent: string, isManaged = true): IPAddress => ({
  metadata: { name, ...(isManaged ? { labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } } : {}) },
  spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: parent } },
});

it.each<[string, Service[], IPAddress[], string[]]>([
  ['an address that nothing tells of', [service('a', '10.0.0.1')], [], ['create 10.0.0.1 a']],
  ['one that is told of', [service('a', '10.0.0.1')], [address('10.0.0.1', 'a')], []],
  ['a headless service', [service('a', 'None')], [], []],
  [
    'a service of both families',
    [service('a', '10.0.0.1', '2001:db8::1')],
    [],
    ['create 10.0.0.1 a', 'create 2001:db8::1 a'],
  ],
  ['an object whose service is gone', [], [address('10.0.0.1', 'a')], ['delete 10.0.0.1 a']],
  ['an object of another service', [service('b', '10.0.0.1')], [address('10.0.0.1', 'a')], ['delete 10.0.0.1 a']],
  [
    'an object that others made',
    [service('b', '10.0.0.1')],
    [address('10.0.0.1', 'a', false), address('10.0.0.2', 'a', false)],
    [],
  ],
])('%s', (_, services, found, expected) => {
  const actions = decideAddresses(services, found);
  expect(
    actions.map(({ do: what, object }) => `${what} ${object.metadata?.name} ${object.spec.parentRef.name}`),
  ).toEqual(expected);
});

it('the server tells of its range and of each address, and gives nobody what others have taken', async () => {
  const clock = createVirtualClock();
  const { server, admin } = await startTestServer(clock, createSeededRandom(1), { serviceCidr: '10.0.0.0/28' });
  const { get, post, del } = verbs(admin);
  const networking = '/apis/networking.k8s.io/v1';
  const services = '/api/v1/namespaces/default/services';
  const newService = (name: string, clusterIP?: string) =>
    post(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
    });
  try {
    expect(await get(`${networking}/servicecidrs/kubernetes`)).toMatchObject({
      spec: { cidrs: ['10.0.0.0/28'] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await newService('web', '10.0.0.5');
    await clock.advance(10);
    expect(await get(`${networking}/ipaddresses/10.0.0.5`)).toMatchObject({
      metadata: {
        labels: {
          'ipaddress.kubernetes.io/ip-family': 'IPv4',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } },
    });
    // Somebody takes one away: it comes back, as long as the service has the address.
    await del(`${networking}/ipaddresses/10.0.0.5`);
    await clock.advance(10);
    expect(await outcome(get(`${networking}/ipaddresses/10.0.0.5`))).toBe('ok');
    await del(`${services}/web`);
    await clock.advance(10);
    expect(await outcome(get(`${networking}/ipaddresses/10.0.0.5`))).toContain('404');
    const spec = { parentRef: { resource: 'gateways', name: 'mine' } };
    const taken = { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name: '10.0.0.6' }, spec };
    await post(`${networking}/ipaddresses`, taken);
    expect(await outcome(newService('no', '10.0.0.6'))).toContain('provided IP is already allocated');
    await del(`${networking}/servicecidrs/kubernetes`);
    await clock.advance(10);
    expect(await get(`${networking}/servicecidrs/kubernetes`)).toMatchObject({
      metadata: {
        managedFields: [
          { manager: 'kubernetes-service-cidr-controller', operation: 'Apply', subresource: 'status' },
          { manager: 'kube-apiserver', operation: 'Update' },
        ],
      },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
  } finally {
    await server.close();
  }
});
