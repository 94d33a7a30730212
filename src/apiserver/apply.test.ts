// Server-side apply through the whole pipeline: options, creation, status, dry run, admission, versions and field validation.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeObject } from '../api/meta/types.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';

const apply = 'apply-patch+yaml';
const cms = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
let clock: VirtualClock;
let t: TestServer;
let api: ReturnType<typeof verbs>;

beforeEach(async () => {
  clock = createVirtualClock();
  t = await startTestServer(clock, createSeededRandom(1));
  api = verbs(t.admin);
});
afterEach(() => t.server.close());

const cm = (data: object | undefined, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  ...(data === undefined ? {} : { data }),
});
const applied = (fieldManager: string, body: unknown, query: Record<string, string> = {}): Promise<KubeObject> =>
  api.patch(`${cms}/a`, apply, body, { fieldManager, ...query });

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

const owners = (object: KubeObject): string[] =>
  (object.metadata?.managedFields ?? []).map(
    ({ manager, operation, subresource }) => `${manager} ${operation}${subresource ? ` ${subresource}` : ''}`,
  );

test('apply creates what is not there, and owns it', async () => {
  const made = await applied('one', cm({ x: '1' }, { labels: { l: '1' } }));
  expect(made.metadata).toMatchObject({ name: 'a', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' });
  expect(made.metadata?.managedFields).toEqual([
    {
      manager: 'one',
      operation: 'Apply',
      apiVersion: 'v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:x': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
    },
  ]);
  expect(await api.get(`${cms}/a`)).toEqual(made);
});

test('the same again, later, writes nothing and keeps the resourceVersion', async () => {
  const made = await applied('one', cm({ x: '1' }));
  await clock.advance(60_000);
  expect(await applied('one', cm({ x: '1' }))).toEqual(made);
});

test('a value in another writing of it writes nothing either', async () => {
  const pod = (cpu: unknown): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu } } }] },
  });
  const made = await api.patch(`${pods}/p`, apply, pod('500m'), { fieldManager: 'one' });
  await clock.advance(60_000);
  expect(await api.patch(`${pods}/p`, apply, pod('0.5'), { fieldManager: 'one' })).toEqual(made);
});

test('conflicts are refused with their causes, and taken by force', async () => {
  await applied('one', cm({ x: '1', y: '2' }));
  const other = applied('two', cm({ x: '9' }));
  await expect(other).rejects.toMatchObject({
    status: {
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.x',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.x' }] },
    },
  });
  const forced = await applied('two', cm({ x: '9' }), { force: 'true' });
  expect(forced).toMatchObject({ data: { x: '9', y: '2' } });
  expect(owners(forced)).toEqual(['one Apply', 'two Apply']);
});

test('defaults belong to nobody, and stay where the applier lets go of the field', async () => {
  const svc = '/api/v1/namespaces/default/services/s';
  const service = (spec: object): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec: { ports: [{ port: 80 }], clusterIP: 'None', ...spec },
  });
  const made = await api.patch(svc, apply, service({ sessionAffinity: 'ClientIP' }), { fieldManager: 'one' });
  expect(made.metadata?.managedFields?.[0]?.fieldsV1?.['f:spec']).toEqual({
    'f:clusterIP': {},
    'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
    'f:sessionAffinity': {},
  });
  const again = await api.patch(svc, apply, service({}), { fieldManager: 'one' });
  expect(again).toMatchObject({ spec: { sessionAffinity: 'None', ports: [{ port: 80, protocol: 'TCP' }] } });
});

test('updates and patches after an apply take the fields that they change', async () => {
  const made = await applied('one', cm({ x: '1', y: '2' }));
  await api.put(`${cms}/a`, { ...made, data: { x: '5', y: '2' } }, { fieldManager: 'put' });
  const patched = await api.patch(`${cms}/a`, 'merge-patch+json', { data: { z: '1' } }, { fieldManager: 'patch' });
  expect(owners(patched)).toEqual(['one Apply', 'patch Update', 'put Update']);
  expect(await failure(applied('one', cm({ x: '1', y: '2' })))).toBe(
    '409 Conflict: Apply failed with 1 conflict: conflict with "put" using v1: .data.x',
  );
});

test('status is applied by managers of its own', async () => {
  const node = '/api/v1/nodes/n';
  const body = (more: object): object => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, ...more });
  await api.patch(node, apply, body({ spec: { unschedulable: true }, status: { phase: 'Running' } }), {
    fieldManager: 'one',
  });
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  const made = await api.patch(`${node}/status`, apply, body({ spec: { unschedulable: false }, status }), {
    fieldManager: 'one',
    force: 'true',
  });
  expect(made).toMatchObject({ spec: { unschedulable: true }, status });
  expect(owners(made).toSorted()).toEqual(['one Apply', 'one Apply status']);
  expect(made.metadata?.managedFields?.find((e) => e.subresource === 'status')?.fieldsV1).toEqual({
    'f:status': { 'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} } } },
  });
  expect(
    await failure(
      api.patch('/api/v1/nodes/none/status', apply, body({ metadata: { name: 'none' } }), { fieldManager: 'one' }),
    ),
  ).toBe('404 NotFound: nodes "none" not found');
});

test('a dry run shows what would be, and stores nothing', async () => {
  const made = await applied('one', cm({ x: '1' }), { dryRun: 'All' });
  expect(made).toMatchObject({ data: { x: '1' } });
  expect(await failure(api.get(`${cms}/a`))).toBe('404 NotFound: configmaps "a" not found');
  const stored = await applied('one', cm({ x: '1' }));
  expect(await applied('one', cm({ x: '2' }), { dryRun: 'All' })).toMatchObject({ data: { x: '2' } });
  expect(await api.get(`${cms}/a`)).toEqual(stored);
});

test('who may patch but not create changes what is there only', async () => {
  const user = verbs(t.server.inProcess({ name: 'jane', groups: ['system:authenticated'] }));
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] }];
  const meta = { metadata: { name: 'patcher', namespace: 'default' } };
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  await api.post(`${rbac}/roles`, { ...meta, rules });
  await api.post(`${rbac}/rolebindings`, {
    ...meta,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patcher' },
    subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
  });
  const asJane = (): Promise<unknown> => user.patch(`${cms}/a`, apply, cm({ x: '1' }), { fieldManager: 'one' });
  expect(await failure(asJane())).toBe(
    '403 Forbidden: configmaps "a" is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "default"',
  );
  await api.post(cms, cm({}));
  expect(await failure(asJane())).toBe('no failure');
});

test('appliers at the same time all have their fields in the end', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
  await Promise.all(names.map(async (name) => applied(name, cm({ [name]: 'x' }))));
  const object = await api.get(`${cms}/a`);
  expect(Object.keys((object as unknown as { data: object }).data).toSorted()).toEqual(names.toSorted());
  expect(owners(object).toSorted()).toEqual(names.map((name) => `${name} Apply`).toSorted());
});

test('an Event is applied in one group and owned in the other too', async () => {
  const events = '/namespaces/default/events/e';
  const involved = { kind: 'Pod', name: 'p', namespace: 'default' };
  const core = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e' },
    involvedObject: involved,
    reason: 'R',
    message: 'm',
  };
  await api.patch(`/api/v1${events}`, apply, core, { fieldManager: 'one' });
  const later = { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'e' }, reason: 'Other' };
  expect(await failure(api.patch(`/apis/events.k8s.io/v1${events}`, apply, later, { fieldManager: 'two' }))).toBe(
    '409 Conflict: Apply failed with 1 conflict: conflict with "one": .reason',
  );
});

describe('is refused', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'without a manager',
      () => api.patch(`${cms}/a`, apply, cm({})),
      '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'with a manager of 129 bytes',
      () => applied('x'.repeat(129), cm({})),
      '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      'with a manager that cannot be printed',
      () => applied('a\u0007', cm({})),
      '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\a": invalid character U+0007 (at position 1)',
    ],
    [
      'force of another patch',
      () => api.patch(`${cms}/a`, 'merge-patch+json', {}, { force: 'true' }),
      '422 Invalid: PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
    [
      'another kind',
      () => applied('one', { ...cm({}), kind: 'Secret' }),
      '400 BadRequest: invalid object type: /v1, Kind=Secret',
    ],
    ['nothing', () => applied('one', null), '400 BadRequest: invalid object type: /, Kind='],
    [
      'a list',
      () => applied('one', []),
      '400 BadRequest: error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
    [
      'managedFields',
      () => applied('one', cm({}, { managedFields: [] })),
      '400 BadRequest: metadata.managedFields must be nil',
    ],
    [
      'a field that is unknown',
      () => applied('one', { ...cm({}), dta: {} }),
      '500 : failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dta: field not declared in schema',
    ],
    [
      'a number that does not fit',
      () =>
        api.patch(
          `${pods}/p`,
          apply,
          { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { priority: 1.5 } },
          { fieldManager: 'one' },
        ),
      '500 : failed to convert new object (/p; /v1, Kind=Pod) to proper version: unable to convert unstructured object to /v1, Kind=Pod: cannot convert float64 to int32',
    ],
    [
      'an object that is not valid',
      () => applied('one', cm({ 'not a key': 'x' })),
      "422 Invalid: ConfigMap \"a\" is invalid: data[not a key]: Invalid value: \"not a key\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
    [
      'another name',
      () => applied('one', cm({}, { name: 'b' })),
      '400 BadRequest: the name of the object (b) does not match the name on the URL (a)',
    ],
    [
      'another namespace',
      () => applied('one', cm({}, { namespace: 'kube-system' })),
      '400 BadRequest: the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'a uid where nothing is',
      () => applied('one', cm({}, { uid: 'u' })),
      '409 Conflict: Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid u, and no existing object was found',
    ],
    [
      'an old resourceVersion',
      async () => {
        await api.post(cms, cm({}));
        return applied('one', cm({ x: '1' }, { resourceVersion: '1' }));
      },
      '409 Conflict: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [
      'in a namespace that is not there',
      () => api.patch('/api/v1/namespaces/nope/configmaps/a', apply, cm({}), { fieldManager: 'one' }),
      '404 NotFound: namespaces "nope" not found',
    ],
  ])('%s', async (_, request, expected) => expect(await failure(request())).toBe(expected));
});

test('an object too large with its managers is stored without them, but not when it is applied', async () => {
  const keys = Array.from({ length: 30_000 }, (_, i) => [`k${i}`, '']);
  const big = { ...Object.fromEntries(keys), x: 'x'.repeat(1_000_000) };
  expect(await failure(applied('one', cm(big)))).toBe('500 : etcdserver: request is too large');
  const made = await api.post(cms, cm(big));
  expect(made.metadata?.managedFields).toBeUndefined();
  const patched = await api.patch(`${cms}/a`, 'merge-patch+json', { data: { y: '1' } });
  expect(patched.metadata?.managedFields).toBeUndefined();
});

test('an element without its key is known by the key`s default: imagePullSecrets that say nothing', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } };
  const spec = { containers: [{ name: 'c', image: 'i' }], imagePullSecrets: [{}] };
  const made = await api.patch(`${pods}/p`, apply, { ...pod, spec }, { fieldManager: 'one' });
  expect(made).toMatchObject({ spec: { imagePullSecrets: [{}] } });
  expect(made.metadata?.managedFields?.[0]?.fieldsV1).toMatchObject({
    'f:spec': { 'f:imagePullSecrets': { 'k:{"name":""}': {} } },
  });
  const twice = { ...spec, imagePullSecrets: [{}, {}] };
  expect(await failure(api.patch(`${pods}/p`, apply, { ...pod, spec: twice }, { fieldManager: 'one' }))).toContain(
    'duplicate entries for key [name=""]',
  );
});
