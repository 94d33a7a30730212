// ServiceCIDRs beside the server's own: who gives addresses of them, what holds them, and when they go.
import { afterEach, describe, expect, it, test } from 'vitest';
import type { IPAddress, Service, ServiceCIDR } from '../../api/generated/types.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import { createFakeApi } from '../../sim/fake-api.ts';
import { forbidden } from '../../api/meta/errors.ts';
import { createControllerManager } from '../manager.ts';
import { containing, decideServiceCidr, overlapping, serviceCidrFinalizer } from './decide.ts';

const now = Date.parse('2026-06-01T00:00:30Z');
const ready = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };

function range(name: string, cidrs: string[], more: object = {}, conditions: object[] = [ready]): ServiceCIDR {
  const metadata = { name, finalizers: [serviceCidrFinalizer], ...more };
  return { metadata, spec: { cidrs }, status: { conditions } } as ServiceCIDR;
}
const deleted = (secondsAgo: number): object => ({
  deletionTimestamp: new Date(now - secondsAgo * 1000).toISOString().replace('.000', ''),
});
const address = (name: string): IPAddress => ({
  metadata: { name },
  spec: { parentRef: { resource: 'services', name: 's' } },
});

const told = (status: string): object => ({ do: 'tell', ready: expect.objectContaining({ status }) as object });
const blocked = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

describe('what is decided of a ServiceCIDR', () => {
  const cidr = ['10.1.0.0/24'];
  it.each<[string, ServiceCIDR, ServiceCIDR[], string[], object[]]>([
    ['a new one', range('a', cidr, { finalizers: [] }, []), [], [], [{ do: 'protect' }, told('True')]],
    ['one that is ready', range('a', cidr), [], ['10.1.0.5'], []],
    ['one that somebody says is not', range('a', cidr, {}, [blocked]), [], [], [told('True')]],
    ['deleted a moment ago, unused', range('a', cidr, deleted(4)), [], [], [{ do: 'wait', ms: 6000 }]],
    ['deleted a while ago, unused', range('a', cidr, deleted(10)), [], ['10.2.0.5'], [{ do: 'release' }]],
    ['deleted, in use', range('a', cidr, deleted(10)), [], ['10.1.0.5'], [told('False')]],
    ['deleted, in use, and that is told', range('a', cidr, deleted(10), [blocked]), [], ['10.1.0.5'], []],
    [
      'deleted, in use, inside another',
      range('a', cidr, deleted(10)),
      [range('b', ['10.1.0.0/16'])],
      ['10.1.0.5'],
      [{ do: 'release' }],
    ],
    [
      'deleted, in use, beside a smaller one that has the address',
      range('a', cidr, deleted(10)),
      [range('b', ['10.1.0.0/29'])],
      ['10.1.0.5'],
      [{ do: 'release' }],
    ],
    [
      'deleted, in use, beside a smaller one whose last address it is',
      range('a', cidr, deleted(10)),
      [range('b', ['10.1.0.0/29'])],
      ['10.1.0.7'],
      [told('False')],
    ],
    ['that nothing holds any more', range('a', cidr, { ...deleted(10), finalizers: [] }), [], [], []],
  ])('%s', (_, subject, others, addresses, expected) => {
    expect(decideServiceCidr(subject, [subject, ...others], addresses.map(address), now)).toEqual(expected);
  });

  it.each([
    ['10.1.0.0', []],
    ['10.1.0.1', ['a']],
    ['10.1.0.255', []],
    ['10.2.0.1', []],
    ['2001:db8::', []],
    ['2001:db8::ffff', ['c']],
  ])('%s is of %j', (ip, names) => {
    const all = [range('a', cidr), range('c', ['10.9.0.0/24', '2001:db8::/112'])];
    expect(containing(ip, all).map(({ metadata }) => metadata?.name)).toEqual(names);
  });

  it('ranges overlap where one is in the other', () => {
    const all = [range('in', ['10.1.0.0/28']), range('around', ['10.0.0.0/8']), range('beside', ['10.1.1.0/24'])];
    expect(overlapping(range('a', cidr), all).map(({ metadata }) => metadata?.name)).toEqual(['in', 'around']);
  });
});

describe('on a server', () => {
  let t: TestServer;
  let clock: VirtualClock;
  const ending = new AbortController();
  afterEach(async () => {
    ending.abort();
    await t.server.close();
  });

  test('services get addresses of every range that is ready; none goes from under them', async () => {
    clock = createVirtualClock();
    const random = createSeededRandom(1);
    // Two addresses can be given of it, and the server itself has the first.
    t = await startTestServer(clock, random, { serviceCidr: '10.0.0.0/30' });
    const as = (name: string) => t.server.inProcess({ name, groups: ['system:authenticated'] });
    const transport = as('system:kube-controller-manager');
    const manager = createControllerManager({
      client: createClient(transport),
      clientFor: (account) => createClient(as(`system:serviceaccount:kube-system:${account}`)),
      transport,
      clock,
      random,
      logger: silentLogger,
      events: () => ({ event: () => {} }),
      clusterCaPem: 'PEM',
      signCertificate: () => Promise.reject(new Error('not here')),
      controllers: 'service-cidr-controller',
    });
    const started = manager.start(ending.signal);
    const settle = async (ms = 1000): Promise<void> => {
      await clock.advance(ms);
      for (let i = 0; i < 20; i++) await clock.settle();
    };
    await settle();
    await started;
    await settle();
    const { get, post, del } = verbs(t.admin);
    const ranges = '/apis/networking.k8s.io/v1/servicecidrs';
    const services = '/api/v1/namespaces/default/services';
    const make = async (name: string, clusterIP?: string): Promise<string> => {
      const spec = { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) };
      return ((await post(services, { metadata: { name }, spec })) as Service).spec?.clusterIP ?? '';
    };
    const first = [await make('a'), await make('b')];
    expect(first.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(await outcome(make('c'))).toContain('failed to allocate a serviceIP: range is full');
    expect(await outcome(make('c', '10.1.0.5'))).toContain(
      'failed to allocate IP 10.1.0.5: the provided network does not match the current range',
    );
    await post(ranges, { metadata: { name: 'extra' }, spec: { cidrs: ['10.1.0.0/24'] } });
    await settle();
    const extra = async () => (await get(`${ranges}/extra`)) as ServiceCIDR;
    expect(await extra()).toMatchObject({
      metadata: { finalizers: [serviceCidrFinalizer] },
      status: { conditions: [ready] },
    });
    expect((await extra()).metadata?.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'service-cidr-controller', operation: 'Apply', subresource: 'status' }),
    );
    expect(await make('c')).toMatch(/^10\.1\.0\./);
    expect(await make('d', '10.1.0.5')).toBe('10.1.0.5');
    expect(await outcome(make('e', '10.1.0.255'))).toContain('does not match the current range');
    await settle();
    expect(await outcome(get('/apis/networking.k8s.io/v1/ipaddresses/10.1.0.5'))).toBe('ok');
    // While services have its addresses it stays, and gives no more of them.
    await del(`${ranges}/extra`);
    await settle(15_000);
    expect((await extra()).status?.conditions).toEqual([expect.objectContaining(blocked)]);
    expect(await outcome(make('e', '10.1.0.6'))).toContain('does not match the current range');
    await del(`${services}/c`);
    await del(`${services}/d`);
    await settle();
    await settle(15_000);
    expect(await outcome(get(`${ranges}/extra`))).toMatch(/^404/);
    // The server's own is held by those that it gave.
    await del(`${ranges}/kubernetes`);
    await settle(15_000);
    expect(await get(`${ranges}/kubernetes`)).toMatchObject({ status: { conditions: [{ ...blocked }] } });
  });
});

test('that a range is ready, and cannot be said to be, is told in an event', async () => {
  const api = createFakeApi();
  const stop = new AbortController();
  const virtual = createVirtualClock();
  api.put('servicecidrs', { metadata: { name: 'extra' }, spec: { cidrs: ['10.1.0.0/24'] } } as ServiceCIDR);
  api.intercept = ({ method, path }) => {
    if (method === 'PATCH' && path.endsWith('/status')) throw forbidden({ group: '', resource: 'x' }, 'extra', 'no');
    return undefined;
  };
  const told: string[] = [];
  const manager = createControllerManager({
    client: createClient(api),
    transport: api,
    clock: virtual,
    random: createSeededRandom(1),
    logger: silentLogger,
    events: (component) => ({
      event: ({ kind, name }, type, reason, message) =>
        void told.push(`${component}: ${kind}/${name} ${type} ${reason} ${message}`),
    }),
    clusterCaPem: 'PEM',
    signCertificate: () => Promise.reject(new Error('not here')),
    controllers: 'service-cidr-controller',
  });
  await manager.start(stop.signal);
  await virtual.settle();
  stop.abort();
  expect(told[0]).toBe(
    'service-cidr-controller: ServiceCIDR/extra Warning KubernetesServiceCIDRError The ServiceCIDR Status can not be set to Ready=True',
  );
});
