import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigMap, Lease, Namespace, Node, ObjectReference, Pod } from '../api/generated/types.ts';
import { createClient } from '../client/create-client.ts';
import { silentLogger } from '../lib/logger.ts';
import { createFakeApi } from '../sim/fake-api.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createControllerManager, enabledControllers } from './manager.ts';

let stop = new AbortController();
afterEach(() => stop.abort());

function setUp(controllers: string) {
  stop = new AbortController();
  const clock = createVirtualClock();
  const api = createFakeApi();
  const resource = (name: string, kind: string, verbs: string[]) => ({ name, kind, namespaced: true, verbs });
  const all = ['list', 'delete', 'deletecollection'];
  api.intercept = ({ method, path }) => {
    if (method !== 'GET') return undefined;
    if (path === '/apis') {
      const version = { groupVersion: 'coordination.k8s.io/v1', version: 'v1' };
      return { groups: [{ name: 'coordination.k8s.io', versions: [version], preferredVersion: version }] } as object;
    }
    if (path === '/api/v1')
      return {
        resources: [
          resource('configmaps', 'ConfigMap', all),
          resource('pods', 'Pod', all),
          resource('pods/log', 'Pod', ['get']),
          resource('bindings', 'Binding', ['create']),
        ],
      } as object;
    if (path === '/apis/coordination.k8s.io/v1')
      return { resources: [resource('leases', 'Lease', ['list', 'delete'])] } as object;
    return undefined;
  };
  const events: string[] = [];
  const manager = createControllerManager({
    client: createClient(api),
    transport: api,
    clock,
    random: createSeededRandom(5),
    logger: silentLogger,
    events: () => ({
      event: (object: ObjectReference, type, reason) =>
        void events.push(`${object.kind}/${object.name} ${type} ${reason}`),
    }),
    clusterCaPem: 'PEM',
    signCertificate: (pem) => Promise.resolve(`signed ${pem}`),
    controllers,
  });
  return { clock, api, events, manager };
}

const namespace = (name: string, deleting = false): Namespace => ({
  metadata: { name, ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: deleting ? 'Terminating' : 'Active' },
});

describe('enabledControllers', () => {
  it.each([
    ['*', 21],
    ['*,-podgc', 20],
    ['-pod-garbage-collector-controller,*', 20],
    ['namespace', 1],
    ['', 0],
    ['-namespace,namespace', 0],
  ])('%s enables %i', (list, count) => expect(enabledControllers(list)).toHaveLength(count));
  it('enables what needs a feature gate with that gate only', () => {
    const gated = 'kube-apiserver-serving-clustertrustbundle-publisher-controller';
    expect(enabledControllers(gated)).toEqual([]);
    const gates = new Set(['ClusterTrustBundle'] as const);
    expect(enabledControllers(gated, gates)).toEqual([gated]);
    expect(enabledControllers('*', gates)).toHaveLength(22);
    expect(enabledControllers(`*,-${gated}`, gates)).toHaveLength(21);
  });
  it('refuses a name that nobody has', () =>
    expect(() => enabledControllers('*,-foo')).toThrow('"foo" is not in the list of known controllers'));
});

describe('the controllers', () => {
  it('give each namespace a service account and the CA, and put back what is taken or changed', async () => {
    const { clock, api, manager } = setUp('serviceaccount,root-ca-cert-publisher');
    api.put('namespaces', namespace('a'));
    api.put('namespaces', namespace('going', true));
    await manager.start(stop.signal);
    api.put('namespaces', namespace('b'));
    await clock.settle();
    for (const name of ['a', 'b']) {
      expect(api.get('serviceaccounts', 'default', name)).toBeDefined();
      expect((api.get('configmaps', 'kube-root-ca.crt', name) as ConfigMap).data).toEqual({ 'ca.crt': 'PEM' });
    }
    expect(api.get('serviceaccounts', 'default', 'going')).toBeUndefined();
    api.remove('serviceaccounts', 'default', 'a');
    api.put('configmaps', {
      ...api.get('configmaps', 'kube-root-ca.crt', 'a'),
      data: { 'ca.crt': 'mine' },
    } as ConfigMap);
    await clock.settle();
    expect(api.get('serviceaccounts', 'default', 'a')).toBeDefined();
    expect((api.get('configmaps', 'kube-root-ca.crt', 'a') as ConfigMap).data).toEqual({ 'ca.crt': 'PEM' });
  });

  it('empty a terminating namespace, pods first, and let it go', async () => {
    const { clock, api, manager } = setUp('namespace');
    api.put('namespaces', namespace('a'));
    api.put('configmaps', { metadata: { name: 'c', namespace: 'a' } });
    api.put('leases', { metadata: { name: 'l', namespace: 'a' } });
    api.put('pods', {
      metadata: { name: 'p', namespace: 'a' },
      spec: { terminationGracePeriodSeconds: 30, containers: [] },
    } as Pod);
    await manager.start(stop.signal);
    // The pod takes its time: a delete does not remove it yet.
    const discovery = api.intercept;
    let held = true;
    api.intercept = (request) => {
      if (held && request.method === 'DELETE' && request.path.endsWith('/pods')) return { kind: 'Status' };
      return discovery?.(request);
    };
    api.put('namespaces', namespace('a', true));
    await clock.settle();
    expect(api.get('configmaps', 'c', 'a')).toBeDefined();
    const conditions = (api.get('namespaces', 'a') as Namespace).status?.conditions;
    expect(conditions?.find(({ type }) => type === 'NamespaceContentRemaining')?.message).toBe(
      'Some resources are remaining: pods. has 1 resource instances',
    );
    held = false;
    api.remove('pods', 'p', 'a');
    await clock.settle();
    expect(api.get('configmaps', 'c', 'a')).toBeUndefined();
    expect(api.get('leases', 'l', 'a')).toBeUndefined();
    await clock.advance(60_000);
    expect((api.get('namespaces', 'a') as Namespace).spec?.finalizers).toEqual([]);
    expect(api.writes.at(-1)?.line).toBe('PUT /api/v1/namespaces/a/finalize');
  });

  it('give up a node that is silent for 50 s, and take it back', async () => {
    const { clock, api, events, manager } = setUp('nodelifecycle');
    const ready = (status: string, name = 'n'): Node => ({
      metadata: { name },
      spec: {},
      status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime: '2026-01-01T00:00:00Z' }] },
    });
    const renew = (name = 'n') =>
      api.put('leases', {
        metadata: { name, namespace: 'kube-node-lease' },
        spec: { renewTime: String(clock.now()) },
      } as Lease);
    const current = () => api.get('nodes', 'n') as Node;
    api.put('nodes', ready('True'));
    // Where all nodes are silent, nobody is expelled.
    api.put('nodes', ready('True', 'other'));
    api.put('pods', {
      metadata: { name: 'p', namespace: 'a' },
      spec: { nodeName: 'n', containers: [] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    } as Pod);
    renew();
    await manager.start(stop.signal);
    for (let i = 0; i < 12; i++) {
      await clock.advance(10_000);
      renew();
      renew('other');
      await clock.settle();
    }
    expect(current().spec?.taints).toBeUndefined();
    await clock.advance(25_000);
    renew('other');
    await clock.advance(24_999);
    expect(current().status?.conditions?.[0]?.status).toBe('True');
    await clock.advance(1);
    expect(current().status?.conditions?.[0]).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
    expect(current().spec?.taints?.map(({ effect }) => effect)).toEqual(['NoSchedule', 'NoExecute']);
    expect((api.get('pods', 'p', 'a') as Pod).status?.conditions?.[0]?.status).toBe('False');
    expect(events).toContain('Node/n Normal NodeNotReady');
    expect(events).toContain('Pod/p Warning NodeNotReady');
    api.put('nodes', {
      ...current(),
      status: { ...ready('True').status, conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: 'later' }] },
    } as Node);
    await clock.settle();
    expect(current().spec?.taints).toEqual([]);
  });

  it('take away pods of a node that is gone', async () => {
    const { clock, api, manager } = setUp('podgc');
    api.put('pods', {
      metadata: { name: 'p', namespace: 'a' },
      spec: { nodeName: 'gone', containers: [] },
      status: { phase: 'Running' },
    } as Pod);
    await manager.start(stop.signal);
    await clock.advance(39_000);
    expect(api.get('pods', 'p', 'a')).toBeDefined();
    await clock.advance(21_000);
    expect(api.get('pods', 'p', 'a')).toBeUndefined();
    const [patched, deleted] = api.writes;
    expect(patched?.body).toMatchObject({
      status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', reason: 'DeletionByPodGC' }] },
    });
    expect(deleted).toMatchObject({
      line: 'DELETE /api/v1/namespaces/a/pods/p',
      body: { gracePeriodSeconds: 0, preconditions: { uid: 'uid-pods-a-p' } },
    });
  });
});
