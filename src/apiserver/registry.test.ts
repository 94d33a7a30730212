import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeList, KubeObject } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { configMap, startTestServer, type TestServer, verbs } from './test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;

beforeEach(async () => {
  clock = createVirtualClock();
  t = await startTestServer(clock, createSeededRandom(1));
  api = verbs(t.admin);
});
afterEach(() => t.server.close());

/** code reason: message of a failure. */
async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.reason}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

const pod = (name: string, spec: object = {}, metadata: object = {}): KubeObject & Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

describe('create', () => {
  test('fills in what the system owns, and answers with it', async () => {
    const made = await api.post(cms, configMap('a', { data: { k: 'v' } }));
    expect(made.metadata).toMatchObject({ name: 'a', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' });
    expect(made.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(made.metadata?.resourceVersion)).toBeGreaterThan(0);
    expect(await api.get(`${cms}/a`)).toEqual(made);
  });

  test('generates names and tries again when one is taken', async () => {
    const made = await Promise.all([1, 2, 3].map(() => api.post(cms, { metadata: { generateName: 'g-' } })));
    expect(new Set(made.map((m) => m.metadata?.name)).size).toBe(3);
    for (const m of made) expect(m.metadata?.name).toMatch(/^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test('does not store a dry run', async () => {
    const made = await api.post(cms, configMap('dry'), { dryRun: 'All' });
    expect(made.metadata?.resourceVersion).toBeUndefined();
    expect(await failure(api.get(`${cms}/dry`))).toBe('404 NotFound: configmaps "dry" not found');
  });

  test.each<[string, () => Promise<unknown>, string]>([
    [
      'the same name',
      async () => (await api.post(cms, configMap('a')), api.post(cms, configMap('a'))),
      '409 AlreadyExists: configmaps "a" already exists',
    ],
    [
      'a missing namespace',
      () => api.post('/api/v1/namespaces/nope/configmaps', configMap('a')),
      '404 NotFound: namespaces "nope" not found',
    ],
    [
      'another namespace in the body',
      () => api.post(cms, { metadata: { name: 'a', namespace: 'kube-system' } }),
      '400 BadRequest: the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'no name',
      () => api.post(cms, configMap('')),
      '422 Invalid: ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'another kind',
      () => api.post(cms, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }),
      '400 BadRequest: Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
    ],
    [
      'another version',
      () => api.post(cms, { apiVersion: 'v2', kind: 'ConfigMap' }),
      '400 BadRequest: ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111"',
    ],
    [
      'a wrong type',
      () => api.post(cms, configMap('a', { data: { k: 1 } })),
      '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
    [
      'an unknown field, strictly',
      () => api.post(cms, configMap('a', { dta: {} }), { fieldValidation: 'Strict' }),
      '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"',
    ],
    [
      'an object of 2 MB',
      () =>
        api.post('/api/v1/namespaces/default/pods', {
          metadata: { name: 'big' },
          spec: {
            containers: [
              {
                name: 'c',
                image: 'i',
                env: Array.from({ length: 40 }, (_, i) => ({ name: `E${i}`, value: 'x'.repeat(50_000) })),
              },
            ],
          },
        }),
      '500 : etcdserver: request is too large',
    ],
    [
      'a resourceVersion',
      () => api.post(cms, { metadata: { name: 'a', resourceVersion: '5' } }),
      '500 : resourceVersion should not be set on objects to be created',
    ],
  ])('with %s', async (_name, action, expected) => {
    expect(await failure(action())).toBe(expected);
  });

  test('into a namespace that is ending gives the cause', async () => {
    await api.post('/api/v1/namespaces', { metadata: { name: 'team' } });
    await api.del('/api/v1/namespaces/team');
    const error: unknown = await api
      .post('/api/v1/namespaces/team/configmaps', configMap('a'))
      .catch((e: unknown) => e);
    expect(isApiError(error, 'Forbidden') && error.status).toMatchObject({
      message:
        'configmaps "a" is forbidden: unable to create new content in namespace team because it is being terminated',
      details: {
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace team is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
  });
});

describe('update and patch', () => {
  test('a stale resourceVersion is a conflict, the current one and none are taken', async () => {
    const first = await api.post(cms, configMap('a'));
    const second = await api.put(`${cms}/a`, { ...first, data: { k: '1' } });
    expect(await failure(api.put(`${cms}/a`, { ...first, data: { k: '2' } }))).toBe(
      '409 Conflict: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    );
    const third = await api.put(`${cms}/a`, configMap('a', { data: { k: '3' } }));
    expect(third).toMatchObject({ data: { k: '3' }, metadata: { uid: second.metadata?.uid } });
  });

  test('times that the server has set stay, whatever a client sends', async () => {
    const made = await api.post(cms, configMap('a', { metadata: { name: 'a', finalizers: ['example.com/x'] } }));
    const other = '2001-01-01T00:00:00Z';
    const sent = { ...made, metadata: { ...made.metadata, creationTimestamp: other, resourceVersion: '' } };
    expect((await api.put(`${cms}/a`, { ...sent, data: { k: '1' } })).metadata?.creationTimestamp).toBe(
      made.metadata?.creationTimestamp,
    );
    const ending = await api.del(`${cms}/a`);
    const metadata = { ...sent.metadata, deletionTimestamp: other };
    expect((await api.put(`${cms}/a`, { ...sent, metadata, data: { k: '2' } })).metadata?.deletionTimestamp).toBe(
      ending.metadata?.deletionTimestamp,
    );
  });

  test('a write that changes nothing is not made', async () => {
    const made = await api.post(cms, configMap('a', { data: { k: 'v' } }));
    const again = await api.put(`${cms}/a`, configMap('a', { data: { k: 'v' } }));
    expect(again.metadata?.resourceVersion).toBe(made.metadata?.resourceVersion);
  });

  test('writers at once all get through', async () => {
    await api.post(cms, configMap('a'));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => api.patch(`${cms}/a`, 'merge-patch+json', { data: { [`k${i}`]: 'v' } })),
    );
    const { data } = (await api.get(`${cms}/a`)) as { data?: object };
    expect(Object.keys(data ?? {})).toHaveLength(20);
  });

  test.each<[string, () => Promise<unknown>, string | RegExp]>([
    [
      'another name',
      () => api.put(`${cms}/a`, configMap('b')),
      '400 BadRequest: the name of the object (b) does not match the name on the URL (a)',
    ],
    [
      'no name',
      () => api.put(`${cms}/a`, {}),
      '400 BadRequest: the name of the object (a based on URL) was undeterminable: name must be provided',
    ],
    [
      'another uid',
      () => api.put(`${cms}/a`, { metadata: { name: 'a', uid: 'x' } }),
      'contains Precondition failed: UID in precondition: x, UID in object meta: ',
    ],
    [
      'a patch of another type',
      () => api.patch(`${cms}/a`, 'xml', {}),
      '415 UnsupportedMediaType: 415: Unsupported Media Type',
    ],
    [
      'a patch that renames',
      () => api.patch(`${cms}/a`, 'merge-patch+json', { metadata: { name: 'b' } }),
      '400 BadRequest: the name of the object (b) does not match the name on the URL (a)',
    ],
    ['a missing object', () => api.put(`${cms}/z`, configMap('z')), '404 NotFound: configmaps "z" not found'],
    [
      'an unknown field in a merge patch, strictly: told with what the patch made',
      () => api.patch(`${cms}/a`, 'merge-patch+json', { dta: 1 }, { fieldValidation: 'Strict' }),
      /^422 Invalid:  "" is invalid: patch: Invalid value: "\{.*\\"dta\\":1.*\}": strict decoding error: unknown field "dta"$/,
    ],
    [
      'an unknown field in a strategic patch, strictly: told with the patch',
      () => api.patch(`${cms}/a`, 'strategic-merge-patch+json', { dta: 1 }, { fieldValidation: 'Strict' }),
      '422 Invalid:  "" is invalid: patch: Invalid value: "map[dta:1]": strict decoding error: unknown field "dta"',
    ],
    [
      'a patch that makes a wrong type',
      () => api.patch(`${cms}/a`, 'merge-patch+json', { data: { k: 1 } }),
      /^422 Invalid:  "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
    ],
    [
      'a strategic patch that makes a wrong type',
      () => api.patch(`${cms}/a`, 'strategic-merge-patch+json', { data: { k: 1 } }),
      /^422 Invalid:  "" is invalid: patch: Invalid value: "map\[data:map\[k:1\]\]": /,
    ],
    [
      'a stale version in the patch',
      () => api.patch(`${cms}/a`, 'merge-patch+json', { metadata: { resourceVersion: '1' } }),
      'contains the object has been modified',
    ],
  ])('with %s', async (_name, action, expected) => {
    await api.post(cms, configMap('a'));
    const got = await failure(action());
    if (expected instanceof RegExp) expect(got).toMatch(expected);
    else if (expected.startsWith('contains ')) expect(got).toContain(expected.slice(9));
    else expect(got).toBe(expected);
  });

  test('who wrote what is kept', async () => {
    await api.post(cms, configMap('a', { data: { k: 'v' } }), { fieldManager: 'one' });
    await api.patch(`${cms}/a`, 'merge-patch+json', { metadata: { labels: { x: 'y' } } }, { fieldManager: 'two' });
    const { metadata } = await api.get(`${cms}/a`);
    expect(metadata?.managedFields?.map((m) => `${m.manager} ${JSON.stringify(m.fieldsV1)}`)).toEqual([
      'one {"f:data":{".":{},"f:k":{}}}',
      'two {"f:metadata":{"f:labels":{".":{},"f:x":{}}}}',
    ]);
  });

  test('status has an endpoint of its own', async () => {
    const path = '/api/v1/namespaces/default/pods';
    await api.post(path, pod('p'));
    await api.patch(`${path}/p/status`, 'merge-patch+json', {
      status: { phase: 'Running' },
      metadata: { labels: { a: 'b' } },
    });
    await api.patch(`${path}/p`, 'merge-patch+json', { status: { phase: 'Failed' } });
    expect(await api.get(`${path}/p`)).toMatchObject({ status: { phase: 'Running' } });
  });
});

describe('delete', () => {
  const pods = '/api/v1/namespaces/default/pods';

  test('gives a Status, and the object for pods', async () => {
    const made = await api.post(cms, configMap('a'));
    expect(await api.del(`${cms}/a`)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: made.metadata?.uid },
    });
    await api.post(pods, pod('p'));
    expect(await api.del(`${pods}/p`)).toMatchObject({ kind: 'Pod', metadata: { name: 'p' } });
    expect(await failure(api.get(`${pods}/p`))).toBe('404 NotFound: pods "p" not found');
  });

  test('gives the objects of storage and devices, too', async () => {
    const classes = '/apis/storage.k8s.io/v1/storageclasses';
    await api.post(classes, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'c' },
      provisioner: 'p',
    });
    expect(await api.del(`${classes}/c`)).toMatchObject({ kind: 'StorageClass', metadata: { name: 'c' } });
  });

  test('a pod on a node gets its grace period, which may only be shortened', async () => {
    await api.post(pods, pod('p', { nodeName: 'n' }));
    const first = await api.del(`${pods}/p`);
    expect(first.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const longer = await api.del(`${pods}/p`, { gracePeriodSeconds: 60 });
    expect(longer.metadata?.deletionGracePeriodSeconds).toBe(30);
    const shorter = await api.del(`${pods}/p`, { gracePeriodSeconds: 10 });
    expect(shorter.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:10Z',
      deletionGracePeriodSeconds: 10,
      generation: 2,
    });
    await api.del(`${pods}/p`, undefined, { gracePeriodSeconds: '0' });
    expect(await failure(api.get(`${pods}/p`))).toContain('404');
  });

  test('finalizers hold it, and the last one taken away ends it', async () => {
    await api.post(cms, { metadata: { name: 'a', finalizers: ['x.io/one', 'x.io/two'] } });
    const waiting = await api.del(`${cms}/a`);
    expect(waiting.metadata).toMatchObject({
      deletionGracePeriodSeconds: 0,
      deletionTimestamp: '2026-01-01T00:00:00Z',
    });
    await api.patch(`${cms}/a`, 'merge-patch+json', { metadata: { finalizers: ['x.io/two'] } });
    await api.get(`${cms}/a`);
    const last = await api.patch(`${cms}/a`, 'merge-patch+json', { metadata: { finalizers: null } });
    expect(last.metadata?.name).toBe('a');
    expect(await failure(api.get(`${cms}/a`))).toContain('404');
  });

  test('propagation leaves its finalizer', async () => {
    await api.post(cms, configMap('a'));
    expect((await api.del(`${cms}/a`, { propagationPolicy: 'Orphan' })).metadata?.finalizers).toEqual(['orphan']);
    await api.post(cms, configMap('b'));
    expect((await api.del(`${cms}/b`, { propagationPolicy: 'Foreground' })).metadata?.finalizers).toEqual([
      'foregroundDeletion',
    ]);
  });

  test('a dry run changes nothing', async () => {
    await api.post(cms, configMap('a'));
    await api.del(`${cms}/a`, { dryRun: ['All'] });
    expect((await api.get(`${cms}/a`)).metadata?.deletionTimestamp).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    [
      'another uid',
      { preconditions: { uid: 'x' } },
      '409 Conflict: Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in record (UID). The object might have been deleted and then recreated',
    ],
    [
      'another version',
      { preconditions: { resourceVersion: '1' } },
      '409 Conflict: Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (RV). The object might have been modified',
    ],
    [
      'an unknown policy',
      { propagationPolicy: 'Maybe' },
      '422 Invalid: DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Maybe": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      'a wrong type',
      { gracePeriodSeconds: 'x' },
      '400 BadRequest: json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
    ],
  ])('with %s', async (_name, options, expected) => {
    const { metadata } = await api.post(cms, configMap('a'));
    const wanted = expected.replace('UID)', `${metadata?.uid})`).replace('RV)', `${metadata?.resourceVersion})`);
    expect(await failure(api.del(`${cms}/a`, options))).toBe(wanted);
    await api.get(`${cms}/a`);
  });

  test('a namespace turns Terminating and goes once finalized; the system keeps its own', async () => {
    await api.post('/api/v1/namespaces', { metadata: { name: 'team' } });
    expect(await api.del('/api/v1/namespaces/team')).toMatchObject({ status: { phase: 'Terminating' } });
    const team = await api.get('/api/v1/namespaces/team');
    await api.put('/api/v1/namespaces/team/finalize', { ...team, spec: { finalizers: [] } });
    expect(await failure(api.get('/api/v1/namespaces/team'))).toContain('404');
    expect(await failure(api.del('/api/v1/namespaces/default'))).toBe(
      '403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted',
    );
  });

  test('a collection, by selector', async () => {
    for (const name of ['a', 'b', 'c'])
      await api.post(cms, { metadata: { name, labels: { pick: name === 'b' ? 'no' : 'yes' } } });
    const deleted = (await api.del(cms, undefined, { labelSelector: 'pick=yes' })) as KubeList;
    expect(deleted.items.map((i) => i.metadata?.name)).toEqual(['a', 'c']);
    expect(((await api.get(cms)) as KubeList).items.map((i) => i.metadata?.name)).toEqual(['b']);
  });
});

describe('binding', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const target = { target: { kind: 'Node', name: 'n1' } };

  test('puts the pod on the node, once', async () => {
    await api.post(pods, pod('p'));
    await api.post(`${pods}/p/binding`, { metadata: { name: 'p', annotations: { a: 'b' } }, ...target });
    expect(await api.get(`${pods}/p`)).toMatchObject({
      metadata: { annotations: { a: 'b' } },
      spec: { nodeName: 'n1' },
      status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
    expect(await failure(api.post(`${pods}/p/binding`, { metadata: { name: 'p' }, ...target }))).toBe(
      '409 Conflict: Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
    );
  });

  test('also by the collection', async () => {
    await api.post(pods, pod('p'));
    await api.post('/api/v1/namespaces/default/bindings', { metadata: { name: 'p' }, ...target });
    expect(await api.get(`${pods}/p`)).toMatchObject({ spec: { nodeName: 'n1' } });
  });
});

describe('authorization', () => {
  test.each<[string, string[], 'GET' | 'POST' | 'PATCH', string, string]>([
    [
      'bob',
      [],
      'GET',
      '/api/v1/namespaces/default/pods',
      '403 Forbidden: pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'bob',
      [],
      'GET',
      '/api/v1/nodes',
      '403 Forbidden: nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    ['bob', [], 'GET', '/metrics', '403 Forbidden: forbidden: User "bob" cannot get path "/metrics"'],
    ['bob', ['system:authenticated'], 'GET', '/api', 'no failure'],
    ['system:kube-scheduler', ['system:authenticated'], 'GET', '/api/v1/pods', 'no failure'],
    [
      'system:kube-scheduler',
      ['system:authenticated'],
      'GET',
      '/api/v1/secrets',
      '403 Forbidden: secrets is forbidden: User "system:kube-scheduler" cannot list resource "secrets" in API group "" at the cluster scope',
    ],
    [
      'system:node:n1',
      ['system:nodes', 'system:authenticated'],
      'GET',
      '/api/v1/nodes/n2',
      `403 Forbidden: nodes "n2" is forbidden: User "system:node:n1" cannot get resource "nodes" in API group "" at the cluster scope: node 'n1' cannot read 'n2', only its own Node object`,
    ],
    [
      'system:node:n1',
      ['system:nodes', 'system:authenticated'],
      'PATCH',
      '/api/v1/nodes/n1/status',
      '404 NotFound: nodes "n1" not found',
    ],
  ])('%s %j %s %s', async (name, groups, method, path, expected) => {
    const transport = t.server.inProcess({ name, groups });
    const request = {
      method,
      path,
      ...(method === 'PATCH' ? { body: {}, contentType: 'application/merge-patch+json' } : {}),
    };
    expect(await failure(transport.request(request))).toBe(expected);
  });
});

describe('ephemeralcontainers', () => {
  const path = '/api/v1/namespaces/default/pods/p';
  const strategic = 'strategic-merge-patch+json';
  const added = (name: string): object => ({ spec: { ephemeralContainers: [{ name, image: 'i', tty: true }] } });
  const spec = async (): Promise<{ ephemeralContainers?: { name: string }[] }> =>
    ((await api.get(path)) as { spec?: object }).spec ?? {};

  test('adds to what is there, by patch and by update, as a manager of its own', async () => {
    await api.post('/api/v1/namespaces/default/pods', pod('p'));
    const first = await api.patch(`${path}/ephemeralcontainers`, strategic, added('a'), { fieldManager: 'debugger' });
    expect(first.metadata).toMatchObject({ generation: 2 });
    const second = await api.patch(`${path}/ephemeralcontainers`, strategic, added('b'), { fieldManager: 'debugger' });
    expect((await spec()).ephemeralContainers?.map(({ name }) => name).sort()).toEqual(['a', 'b']);
    const entry = second.metadata?.managedFields?.find(({ subresource }) => subresource === 'ephemeralcontainers');
    expect(entry).toMatchObject({ manager: 'debugger', operation: 'Update' });
    const owned = entry?.fieldsV1 as Record<string, Record<string, object>>;
    expect(Object.keys(owned)).toEqual(['f:spec']);
    expect(Object.keys(owned['f:spec'] ?? {})).toEqual(['f:ephemeralContainers']);
    expect(Object.keys(owned['f:spec']?.['f:ephemeralContainers'] ?? {})).toEqual([
      '.',
      'k:{"name":"a"}',
      'k:{"name":"b"}',
    ]);
    const whole = structuredClone(await api.get(`${path}/ephemeralcontainers`)) as {
      spec: { ephemeralContainers: object[] };
    };
    whole.spec.ephemeralContainers.push({ name: 'd', image: 'i' });
    await api.put(`${path}/ephemeralcontainers`, {
      ...whole,
      metadata: { ...second.metadata, labels: { not: 'taken' } },
    });
    expect((await spec()).ephemeralContainers).toHaveLength(3);
    expect((await api.get(path)).metadata?.labels).toBeUndefined();
  });

  test('refuses what would take away, and the pod itself refuses to add', async () => {
    await api.post('/api/v1/namespaces/default/pods', pod('p'));
    await api.patch(`${path}/ephemeralcontainers`, strategic, added('a'));
    const none = { spec: { ephemeralContainers: [] } };
    expect(await failure(api.patch(`${path}/ephemeralcontainers`, 'merge-patch+json', none))).toBe(
      '422 Invalid: Pod "p" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "a" may not be removed\n',
    );
    expect(await failure(api.patch(path, strategic, added('b')))).toContain(
      'pod updates may not change fields other than',
    );
    expect(
      await failure(
        api.post('/api/v1/namespaces/default/pods', pod('q', { ephemeralContainers: [{ name: 'a', image: 'i' }] })),
      ),
    ).toContain('spec.ephemeralContainers: Forbidden: cannot be set on create');
    expect(
      await failure(api.patch('/api/v1/namespaces/default/pods/none/ephemeralcontainers', strategic, added('a'))),
    ).toBe('404 NotFound: pods "none" not found');
  });

  test('is discovered as a Pod that is patched and updated', async () => {
    const list = (await api.get('/api/v1')) as { resources?: { name: string; kind: string; verbs: string[] }[] };
    expect(list.resources?.find(({ name }) => name === 'pods/ephemeralcontainers')).toMatchObject({
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
    });
  });
});
