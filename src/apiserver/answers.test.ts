// Answers that a real kube-apiserver v1.36.0 gives, where it is easy to give others: found by bench/compare.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeObject } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';

let t: TestServer;
let api: ReturnType<typeof verbs>;
beforeAll(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
  api = verbs(t.admin);
});
afterAll(() => t.server.close());

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no failure';
}

const collections: Readonly<Record<string, string>> = {
  LimitRange: '/api/v1/namespaces/default/limitranges',
  Event: '/apis/events.k8s.io/v1/namespaces/default/events',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles',
  CSIDriver: '/apis/storage.k8s.io/v1/csidrivers',
  CSINode: '/apis/storage.k8s.io/v1/csinodes',
  ResourceClaim: '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims',
  RuntimeClass: '/apis/node.k8s.io/v1/runtimeclasses',
  Pod: '/api/v1/namespaces/default/pods',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  MutatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies',
};
const request = { name: 'r', exactly: { deviceClassName: 'c' } };

const create = (kind: string, object: object): Promise<KubeObject> =>
  api.post(collections[kind] ?? '', { metadata: { name: 'x' }, ...object }, { dryRun: 'All' });

describe('what is created', () => {
  test.each<[string, object, object]>([
    ['Role', {}, { rules: null }],
    ['CSINode', { spec: { drivers: [{ name: 'a.b', nodeID: 'n' }] } }, { spec: { drivers: [{ topologyKeys: null }] } }],
    ['LimitRange', { spec: { limits: [] } }, { spec: { limits: null } }],
    [
      'Event',
      {
        eventTime: '2026-01-01T00:00:00.000000Z',
        type: 'Normal',
        reason: 'r',
        action: 'a',
        reportingController: 'a.b/c',
        reportingInstance: 'i',
        regarding: { namespace: 'default' },
      },
      { deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null },
    ],
    [
      'CustomResourceDefinition',
      {
        metadata: { name: 'foos.a.b' },
        spec: {
          group: 'a.b',
          names: { plural: 'foos', kind: 'Foo' },
          scope: 'Cluster',
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      },
      { status: { acceptedNames: { plural: '', kind: '' }, conditions: null, storedVersions: ['v1'] } },
    ],
    [
      'Pod',
      { spec: { containers: [{ name: 'c', image: 'i' }], terminationGracePeriodSeconds: -1 } },
      { spec: { terminationGracePeriodSeconds: 1 } },
    ],
  ])('a %s of %j', async (kind, object, expected) => {
    expect(await create(kind, object)).toMatchObject(expected);
  });

  test('a write that changes nothing leaves nulls, and the revision, alone', async () => {
    const made = await api.post(collections['Role'] ?? '', { metadata: { name: 'same' } });
    const again = await api.put(`${collections['Role'] ?? ''}/same`, made);
    expect(again).toEqual(made);
    const stamp = { metadata: { annotations: { a: 'b' } } };
    const patched = await api.patch(`${collections['Role'] ?? ''}/same`, 'merge-patch+json', stamp);
    expect(patched).toMatchObject({ rules: null, metadata: { annotations: { a: 'b' } } });
  });

  test('a limit range without a name has a uid for one', async () => {
    const { metadata } = await create('LimitRange', { metadata: {} });
    expect(metadata?.name).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata?.name).not.toBe(metadata?.uid);
  });

  test('nobody owns that it is deleted before it is there', async () => {
    const { metadata } = await create('Role', { metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(metadata).not.toHaveProperty('deletionTimestamp');
    expect(metadata).not.toHaveProperty('managedFields');
  });

  test('the generation of a driver begins with its first change', async () => {
    const made = await create('CSIDriver', { spec: {} });
    expect(made.metadata).not.toHaveProperty('generation');
  });

  test("what the server makes by itself is its binary's", async () => {
    const { metadata } = await api.get('/api/v1/namespaces/default');
    expect(metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['kube-apiserver']);
  });
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['Event', {}, '422 Event "x" is invalid: ['],
    ['RuntimeClass', {}, '422 RuntimeClass.node.k8s.io "x" is invalid: handler: Required value'],
    [
      'LimitRange',
      { spec: { limits: [{ type: 'a b' }] } },
      '422 LimitRange "x" is invalid: spec.limits[0].type: Invalid value: "a b": name part must consist of',
    ],
    [
      'Pod',
      { spec: { containers: [{ name: 'c', image: 'i', securityContext: { capabilities: { add: [1] } } }] } },
      '400 Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Capabilities.spec.containers.securityContext.capabilities.add of type v1.Capability',
    ],
    [
      'CustomResourceDefinition',
      { spec: { scope: 1 } },
      '400 CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field CustomResourceDefinitionSpec.spec.scope of type v1.ResourceScope',
    ],
  ])('a %s of %j', async (kind, object, expected) => {
    const answer = await refusal(create(kind, object));
    expect(answer.slice(0, expected.length)).toBe(expected);
  });

  test('an operation that a mutating policy cannot have is refused twice', async () => {
    const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['FETCH'] };
    const policy = { spec: { matchConstraints: { resourceRules: [rule] } } };
    expect(await refusal(create('MutatingAdmissionPolicy', policy))).toContain(
      'spec.matchConstraints.resourceRules.operations: Unsupported value: "FETCH": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    );
  });

  test.each([
    ['Im5vdGhpbmci', 'json: cannot unmarshal string into Go value of type storage.continueToken'],
    ['xxx', "invalid character '\u00c7' looking for beginning of value"],
    ['abc', "invalid character 'i' looking for beginning of value"],
  ])('the continue token %s', async (token, why) => {
    expect(await refusal(api.get('/api/v1/pods', { continue: token }))).toBe(
      `400 invalid continue token: continue key is not valid: ${why}`,
    );
  });
});

describe('updates', () => {
  const made = async (kind: string, object: object): Promise<string> => {
    await api.post(collections[kind] ?? '', { metadata: { name: 'held' }, ...object });
    return `${collections[kind] ?? ''}/held`;
  };

  test('without a version are refused by the name of the resource, those of another uid by the place of upstream', async () => {
    const path = await made('RuntimeClass', { handler: 'h' });
    const held = { metadata: { name: 'held' }, handler: 'h' };
    expect(await refusal(api.put(path, held))).toBe(
      '422 runtimeclasses.node.k8s.io "held" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
    const odd = { ...held, metadata: { name: 'held', resourceVersion: 'x' } };
    expect(await refusal(api.put(path, odd))).toBe('500 strconv.ParseUint: parsing "x": invalid syntax');
    const other = { ...held, metadata: { name: 'held', uid: 'other' } };
    expect(await refusal(api.put(path, other))).toContain('Code: 4, Key: /runtimeclasses/held, ResourceVersion: 0');
  });

  test('and deletions are refused in the words of each kind', async () => {
    const elsewhere = (uid: string): unknown => ({ preconditions: { uid } });
    expect(await refusal(api.del('/api/v1/namespaces/default', elsewhere('x')))).toMatch(
      /^409 Operation cannot be fulfilled on namespaces "default": Precondition failed: UID in precondition: x, UID in object meta: /,
    );
    const path = await made('CSIDriver', { spec: {} });
    expect(await refusal(api.del(path, elsewhere('x')))).toMatch(
      /^409 Operation cannot be fulfilled on CSIDriver\.storage\.k8s\.io "held": the UID in the precondition \(x\) does not match/,
    );
  });

  test('show what may not change as the internal types print it', async () => {
    const claim = await made('ResourceClaim', { spec: { devices: { requests: [request] } } });
    const { spec: _, ...without } = (await api.get(claim)) as KubeObject & { spec: object };
    expect(await refusal(api.put(claim, without))).toBe(
      '422 ResourceClaim.resource.k8s.io "held" is invalid: spec: Invalid value: {"Devices":{"Requests":null,"Constraints":null,"Config":null}}: field is immutable',
    );
  });
});

test('GET / lists the groups and the checks of health', async () => {
  const { paths } = (await api.get('/')) as { paths?: string[] };
  expect(paths).toEqual(expect.arrayContaining(['/apis/apps', '/apis/apps/v1', '/livez/ping', '/readyz/shutdown']));
  expect(paths).not.toContain('/livez/shutdown');
  expect(paths).toEqual([...(paths ?? [])].sort());
});

describe('what users define', () => {
  const things = '/apis/answers.example.com/v1/things';
  beforeAll(async () => {
    const replicas = { type: 'object', properties: { replicas: { type: 'integer' } } };
    await api.post(collections['CustomResourceDefinition'] ?? '', {
      metadata: { name: 'things.answers.example.com' },
      spec: {
        group: 'answers.example.com',
        names: { plural: 'things', kind: 'Thing' },
        scope: 'Cluster',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec: replicas, status: replicas } } },
            subresources: {
              status: {},
              scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
            },
          },
        ],
      },
    });
  });

  test('has its status before its scale', async () => {
    const { resources } = (await api.get('/apis/answers.example.com/v1')) as { resources?: { name: string }[] };
    expect(resources?.map(({ name }) => name)).toEqual(['things', 'things/status', 'things/scale']);
  });

  test('is refused as another kind for that mistake alone', async () => {
    const other = { apiVersion: 'answers.example.com/v1', kind: 'Other', metadata: { name: 'u' } };
    expect(await refusal(api.post(things, other))).toBe(
      '422 Other.answers.example.com "u" is invalid: kind: Invalid value: "Other": must be Thing',
    );
  });
});

test('a path of the proxy of old leads nowhere', async () => {
  expect(await refusal(api.get('/api/v1/proxy/nodes/x'))).toBe('404 the server could not find the requested resource');
});

test.each(['/api/v1/namespaces/default/pods/nosuch/log', '/api/v1/nodes/nosuch/proxy/'])(
  '%s is not found, whether there is a way to kubelets or not',
  async (path) => {
    expect(await refusal(api.get(path))).toMatch(/^404 (pods|nodes) "nosuch" not found$/);
  },
);

test('what is passed on to a kubelet says where there is no way to one', async () => {
  await api.post('/api/v1/nodes', {
    metadata: { name: 'far' },
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    },
  });
  expect(await refusal(api.get('/api/v1/nodes/far/proxy/'))).toBe('503 this API server has no way to kubelets');
});
