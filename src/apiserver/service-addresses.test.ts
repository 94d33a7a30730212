// Services through the API server: addresses and node ports that nobody else has, kept, and given back.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Service } from '../api/generated/types.ts';
import { isApiError } from '../api/meta/errors.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { reservedForNames } from './admission/service-addresses.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';

let clock: VirtualClock;
let server: TestServer;
let admin: ReturnType<typeof verbs>;
const root = '/api/v1/namespaces/default/services';
const make = (name: string, spec: object = {}): Promise<Service> =>
  admin.post(root, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  }) as Promise<Service>;

beforeEach(async () => {
  clock = createVirtualClock();
  server = await startTestServer(clock, createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

async function message(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

test('the API has the first address, and its service follows its port', async () => {
  const get = async () => ((await admin.get(`${root}/kubernetes`)) as Service).spec;
  await server.server.announce(6443);
  expect(await get()).toMatchObject({
    clusterIP: '10.43.0.1',
    clusterIPs: ['10.43.0.1'],
    ports: [{ name: 'https', port: 443, targetPort: 6443 }],
  });
  // A later start on another port.
  await server.server.announce(7443);
  expect((await get())?.ports?.[0]?.targetPort).toBe(7443);
});

test('the service of the API comes back when somebody deletes it', async () => {
  await server.server.announce(6443);
  await admin.del(`${root}/kubernetes`);
  expect(await message(admin.get(`${root}/kubernetes`))).toContain('404');
  await clock.advance(10_000);
  for (let i = 0; i < 5; i++) await clock.settle();
  expect(await message(admin.get(`${root}/kubernetes`))).toBe('ok');
});

test('many at once get addresses of their own, above those that are asked for by name', async () => {
  const made = await Promise.all(Array.from({ length: 50 }, (_, i) => make(`s${i}`, { type: 'NodePort' })));
  const addresses = made.map(({ spec }) => spec?.clusterIP ?? '');
  expect(new Set(addresses).size).toBe(50);
  expect(addresses.every((one) => /^10\.43\.([1-9]|\d\d)/.test(one))).toBe(true);
  const ports = made.map(({ spec }) => spec?.ports?.[0]?.nodePort ?? 0);
  expect(new Set(ports).size).toBe(50);
  expect(ports.every((one) => one >= 30_000 && one <= 32_767)).toBe(true);
});

test('an address or port that is asked for is given once, and again when its service is gone', async () => {
  const taken =
    '422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.10"]: failed to allocate IP 10.43.0.10: provided IP is already allocated';
  await make('a', { clusterIP: '10.43.0.10' });
  expect(await message(make('b', { clusterIP: '10.43.0.10' }))).toBe(taken);
  expect(await message(make('b', { clusterIP: '10.44.0.10' }))).toContain(
    'failed to allocate IP 10.44.0.10: the provided network does not match the current range',
  );
  await admin.del(`${root}/a`);
  expect((await make('b', { clusterIP: '10.43.0.10' })).spec?.clusterIP).toBe('10.43.0.10');
  const at = (nodePort: number) => ({ type: 'NodePort', ports: [{ port: 80, nodePort }] });
  await make('c', at(30_080));
  expect(await message(make('d', at(30_080)))).toContain('provided port is already allocated');
  expect(await message(make('d', at(80)))).toContain('The range of valid ports is 30000-32767');
});

test('a service keeps its address, gets one when its type wants one, and may be headless', async () => {
  const { spec } = await make('a');
  const patched = (await admin.patch(`${root}/a`, 'merge-patch+json', { spec: { type: 'NodePort' } })) as Service;
  expect(patched.spec?.clusterIP).toBe(spec?.clusterIP);
  expect(patched.spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
  await make('e', { type: 'ExternalName', externalName: 'example.com', ports: [] });
  const back = await admin.patch(`${root}/e`, 'merge-patch+json', {
    spec: { type: 'ClusterIP', externalName: null, ports: [{ port: 1 }] },
  });
  expect((back as Service).spec?.clusterIP).toMatch(/^10\.43\./);
  expect((await make('h', { clusterIP: 'None' })).spec?.clusterIPs).toEqual(['None']);
});

test.each([
  [65_536, 256],
  [256, 16],
  [16, 14],
])('of %i addresses %i are for those who name them', (size, count) => expect(reservedForNames(size)).toBe(count));

test('a service gets no node port that it names itself', async () => {
  const ports = Array.from({ length: 2760 }, (_, i) => ({
    name: `p${i}`,
    port: i + 1,
    ...(i < 2700 ? { nodePort: 30_000 + i } : {}),
  }));
  const { spec } = await make('many', { type: 'NodePort', ports });
  expect(new Set(spec?.ports?.map(({ nodePort }) => nodePort)).size).toBe(2760);
});
