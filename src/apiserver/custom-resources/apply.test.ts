// Server-side apply to custom resources: by the schema of their own, in each of their versions, and through their scale.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject } from '../../api/meta/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const at = (version: string, name = 'a'): string => `/apis/example.com/${version}/namespaces/default/things/${name}`;

const spec = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    port: { type: 'integer', default: 80 },
    rules: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', required: ['id'], properties: { id: { type: 'string' }, to: { type: 'string' } } },
    },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    plain: { type: 'array', items: { type: 'string' } },
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const version = (name: string, storage: boolean): object => ({
  name,
  served: true,
  storage,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec,
        status: { type: 'object', properties: { replicas: { type: 'integer' }, phase: { type: 'string' } } },
      },
    },
  },
  subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
});

let t: TestServer;
let api: ReturnType<typeof verbs>;

beforeEach(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
  api = verbs(t.admin);
  await api.post(crds, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [version('v1', true), version('v2', false)],
    },
  });
});
afterEach(() => t.server.close());

const thing = (more: object, apiVersion = 'v1'): object => ({
  apiVersion: `example.com/${apiVersion}`,
  kind: 'Thing',
  metadata: { name: 'a' },
  ...more,
});

async function apply(
  fieldManager: string,
  more: object,
  query: Record<string, string> = {},
  in_ = 'v1',
): Promise<KubeObject> {
  return api.patch(at(in_), 'apply-patch+yaml', thing(more, in_), { fieldManager, ...query });
}

const fieldsOf = (object: KubeObject, manager: string): unknown =>
  object.metadata?.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;

test('lists, sets, atomic and free parts are merged and owned as the schema says', async () => {
  const one = await apply('one', {
    spec: {
      rules: [{ id: 'x', to: '1' }],
      tags: ['a'],
      plain: ['p'],
      whole: { k: 'v' },
      free: { a: { b: 1 }, list: [1] },
    },
  });
  expect(one).toMatchObject({ spec: { port: 80 } });
  expect(fieldsOf(one, 'one')).toEqual({
    'f:spec': {
      'f:free': { 'f:a': { '.': {}, 'f:b': {} }, 'f:list': {} },
      'f:plain': {},
      'f:rules': { 'k:{"id":"x"}': { '.': {}, 'f:id': {}, 'f:to': {} } },
      'f:tags': { 'v:"a"': {} },
      'f:whole': {},
    },
  });
  const two = await apply('two', {
    spec: { rules: [{ id: 'y' }], tags: ['b'], free: { a: { c: 2 } }, port: 80 },
  });
  expect(two).toMatchObject({
    spec: { rules: [{ id: 'x' }, { id: 'y' }], tags: ['a', 'b'], free: { a: { b: 1, c: 2 }, list: [1] } },
  });
  expect(await outcome(apply('two', { spec: { plain: ['q'], whole: { k: 'w' }, free: { list: [2] } } }))).toBe(
    '409 Apply failed with 3 conflicts: conflicts with "one":\n- .spec.plain\n- .spec.whole\n- .spec.free.list',
  );
  const less = await apply('two', {});
  expect(less).toMatchObject({ spec: { port: 80, tags: ['a'], rules: [{ id: 'x' }], free: { a: { b: 1 } } } });
});

test('a field that the schema does not have is refused', async () => {
  expect(await outcome(apply('one', { spec: { prot: 1 } }))).toBe(
    '500 failed to create typed patch object (/a; example.com/v1, Kind=Thing): .spec.prot: field not declared in schema',
  );
});

test('what was applied in one version is owned in the others', async () => {
  await apply('one', { spec: { port: 1, replicas: 1 } });
  expect(await outcome(apply('two', { spec: { port: 2 } }, {}, 'v2'))).toBe(
    '409 Apply failed with 1 conflict: conflict with "one": .spec.port',
  );
  const both = await apply('two', { spec: { tags: ['x'] } }, {}, 'v2');
  expect(both.metadata?.managedFields?.map((entry) => `${entry.manager} ${entry.apiVersion}`).toSorted()).toEqual([
    'one example.com/v1',
    'two example.com/v2',
  ]);
  // The same manager goes on in the other version: its entry moves there, and what it gives up goes.
  const moved = await apply('one', { spec: { replicas: 1 } }, {}, 'v2');
  expect(moved).toMatchObject({ spec: { port: 80, replicas: 1 } });
  expect(moved.metadata?.managedFields?.map((entry) => entry.apiVersion)).toEqual(['example.com/v2', 'example.com/v2']);
});

test('status and scale have managers of their own', async () => {
  await apply('one', { spec: { replicas: 1 } });
  const scale = (replicas: number): object => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'a' },
    spec: { replicas },
  });
  const scaled = (replicas: number, query: Record<string, string> = {}): Promise<KubeObject> =>
    api.patch(`${at('v1')}/scale`, 'apply-patch+yaml', scale(replicas), { fieldManager: 'hpa', ...query });
  expect(await outcome(scaled(5))).toBe('409 Apply failed with 1 conflict: conflict with "one": .spec.replicas');
  expect(await scaled(5, { force: 'true' })).toMatchObject({ kind: 'Scale', spec: { replicas: 5 } });
  expect(await outcome(apply('one', { spec: { replicas: 1 } }))).toBe(
    '409 Apply failed with 1 conflict: conflict with "hpa" with subresource "scale": .spec.replicas',
  );
  expect(await outcome(api.patch(`${at('v1')}/scale`, 'apply-patch+yaml', thing({}), { fieldManager: 'hpa' }))).toBe(
    '400 invalid object type: example.com/v1, Kind=Thing',
  );
  const status = await api.patch(
    `${at('v1')}/status`,
    'apply-patch+yaml',
    thing({ spec: { replicas: 9 }, status: { phase: 'Up' } }),
    { fieldManager: 'controller', force: 'true' },
  );
  expect(status).toMatchObject({ spec: { replicas: 5 }, status: { phase: 'Up' } });
  expect(fieldsOf(status, 'controller')).toEqual({ 'f:status': { 'f:phase': {} } });
});

test('strategic merge patches are not for them', async () => {
  await apply('one', {});
  expect(await outcome(api.patch(at('v1'), 'strategic-merge-patch+json', {}))).toBe(
    '415 the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  );
});
