import { beforeAll, expect, test } from 'vitest';
import { allKinds } from '../kinds/all.ts';
import { type Descriptions, loadDescriptions, loadSchema } from '../schema/load.ts';
import { operationsOf } from './operations.ts';
import { openApiV2Document } from './v2.ts';
import { lonelyDocuments, openApiV3Document, openApiV3Index, openApiV3Lonely } from './v3.ts';

type Any = { [key: string]: Any } & Any[];
const schema = loadSchema();
let descriptions: Descriptions;
let core: Any;

beforeAll(async () => {
  descriptions = await loadDescriptions();
  core = openApiV3Document(schema, descriptions, allKinds, '', 'v1') as unknown as Any;
});

/** Every $ref below a value. */
function references(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref' && typeof item === 'string') found.add(item);
    else references(item, found);
  }
  return found;
}

test('the index has every group version, with a hash that follows the kinds', () => {
  const { paths } = openApiV3Index(allKinds);
  const served = allKinds.map(({ group, version }) => (group === '' ? `api/${version}` : `apis/${group}/${version}`));
  const groups = new Set(allKinds.flatMap(({ group }) => (group === '' ? [] : [`apis/${group}`])));
  const lonely = ['.well-known/openid-configuration', 'api', 'apis', 'openid/v1/jwks', 'version'];
  expect(Object.keys(paths)).toEqual([...new Set([...served, ...groups, ...lonely])].toSorted());
  expect(Object.keys(paths)).toContain('apis/networking.k8s.io/v1');
  expect(paths['api/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/);
  const fewer = openApiV3Index(allKinds.filter((kind) => kind.kind !== 'Pod')).paths;
  expect(fewer['api/v1']).not.toEqual(paths['api/v1']);
  expect(fewer['apis/coordination.k8s.io/v1']).toEqual(paths['apis/coordination.k8s.io/v1']);
  expect(openApiV3Index(allKinds, 'newer').paths['api/v1']).not.toEqual(paths['api/v1']);
});

test.each([2, 3])('every reference of v%i leads somewhere', (version) => {
  const document = version === 2 ? openApiV2Document(schema, descriptions, allKinds) : core;
  const all = references(document);
  expect(all.size).toBeGreaterThan(100);
  for (const ref of all) {
    const at = ref
      .slice(2)
      .split('/')
      .reduce<unknown>((value, step) => (value as Any | undefined)?.[step], document);
    expect(at, ref).toBeDefined();
  }
});

test('operations have unique ids, and paths in order', () => {
  const ids = allKinds.flatMap((kind) => operationsOf(schema, kind)).map((operation) => operation.id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  const paths = Object.keys(core['paths']!);
  expect(paths).toEqual(paths.toSorted());
});

test('patch has the kind and the parameters by which kubectl knows what the server can do', () => {
  const { patch } = core['paths']!['/api/v1/namespaces/{namespace}/pods/{name}']!;
  expect(patch).toMatchObject({
    operationId: 'patchCoreV1NamespacedPod',
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Pod' },
  });
  expect(patch!['parameters']!.map((p) => p['name'])).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  expect(Object.keys(patch!['requestBody']!['content']!)).toContain('application/strategic-merge-patch+json');
});

test.each([
  ['get', '/api/v1/pods', 'listCoreV1PodForAllNamespaces', 'list'],
  ['get', '/api/v1/namespaces/{namespace}/pods', 'listCoreV1NamespacedPod', 'list'],
  ['post', '/api/v1/namespaces/{namespace}/pods', 'createCoreV1NamespacedPod', 'post'],
  ['delete', '/api/v1/namespaces/{namespace}/pods', 'deleteCoreV1CollectionNamespacedPod', 'deletecollection'],
  ['get', '/api/v1/nodes/{name}', 'readCoreV1Node', 'get'],
  ['put', '/api/v1/namespaces/{namespace}/pods/{name}/status', 'replaceCoreV1NamespacedPodStatus', 'put'],
  ['get', '/api/v1/namespaces/{namespace}/pods/{name}/log', 'readCoreV1NamespacedPodLog', 'get'],
  ['post', '/api/v1/namespaces/{namespace}/pods/{name}/exec', 'connectCoreV1PostNamespacedPodExec', 'connect'],
])('%s %s is %s', (method, path, operationId, action) => {
  expect(core['paths']![path]![method]).toMatchObject({ operationId, 'x-kubernetes-action': action });
});

test('definitions carry what clients merge and explain by', () => {
  const schemas = core['components']!['schemas']!;
  const container = schemas['io.k8s.api.core.v1.Container']!;
  expect(container['required']).toEqual(['name']);
  expect(container['properties']!['ports']).toMatchObject({
    type: 'array',
    items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.ContainerPort' }], default: {} },
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'containerPort',
    'x-kubernetes-patch-strategy': 'merge',
  });
  expect(container['properties']!['imagePullPolicy']).toMatchObject({
    type: 'string',
    enum: ['Always', 'IfNotPresent', 'Never'],
  });
  expect(schemas['io.k8s.api.core.v1.Pod']!['x-kubernetes-group-version-kind']).toEqual([
    { group: '', version: 'v1', kind: 'Pod' },
  ]);
  expect(schemas['io.k8s.apimachinery.pkg.api.resource.Quantity']!['oneOf']).toEqual([
    { type: 'string' },
    { type: 'number' },
  ]);
  expect(schemas['io.k8s.api.core.v1.LabelSelector']).toBeUndefined();
});

test('kinds of other group versions stay out of a document', () => {
  const leases = openApiV3Document(schema, descriptions, allKinds, 'coordination.k8s.io', 'v1') as unknown as Any;
  expect(Object.keys(leases['paths']!).every((path) => path.startsWith('/apis/coordination.k8s.io/v1/'))).toBe(true);
  expect(leases['components']!['schemas']!['io.k8s.api.core.v1.Pod']).toBeUndefined();
  expect(leases['components']!['schemas']!['io.k8s.api.coordination.v1.LeaseList']).toBeDefined();
});

test('v2 names the same things', () => {
  const v2 = openApiV2Document(schema, descriptions, allKinds) as unknown as Any;
  expect(v2['definitions']!['io.k8s.api.core.v1.PodSpec']!['properties']!['volumes']).toMatchObject({
    type: 'array',
    items: { $ref: '#/definitions/io.k8s.api.core.v1.Volume' },
    'x-kubernetes-patch-strategy': 'merge,retainKeys',
  });
  const create = v2['paths']!['/api/v1/namespaces/{namespace}/pods']!['post']!;
  expect(create['parameters']!.map((p) => p['name'])).toEqual(['body', 'dryRun', 'fieldManager', 'fieldValidation']);
});

test('old paths of watches, and connections with the parameters that they take', () => {
  const paths = core['paths']!;
  expect(paths['/api/v1/watch/namespaces/{namespace}/pods/{name}']!['get']).toMatchObject({
    operationId: 'watchCoreV1NamespacedPod',
    'x-kubernetes-action': 'watch',
  });
  expect(paths['/api/v1/watch/pods']!['get']).toMatchObject({ operationId: 'watchCoreV1PodListForAllNamespaces' });
  const exec = paths['/api/v1/namespaces/{namespace}/pods/{name}/exec']!['get']!;
  const streams = ['container', 'stderr', 'stdin', 'stdout', 'tty'];
  expect(exec['parameters']!.map((p) => p['name'])).toEqual(['command', ...streams]);
  expect(Object.keys(exec['responses']!['200']!['content']!)).toEqual(['*/*']);
  const proxied = paths['/api/v1/nodes/{name}/proxy/{path}']!;
  expect(Object.keys(proxied).toSorted()).toEqual(
    ['delete', 'get', 'head', 'options', 'parameters', 'patch', 'post', 'put'].toSorted(),
  );
  expect(proxied['head']).toMatchObject({ operationId: 'connectCoreV1HeadNodeProxyWithPath' });
});

test('what a deletion answers', () => {
  const result = (path: string): unknown =>
    core['paths']![path]!['delete']!['responses']!['200']!['content']!['application/json']!['schema']!['$ref'];
  expect(result('/api/v1/namespaces/{namespace}/pods/{name}')).toBe('#/components/schemas/io.k8s.api.core.v1.Pod');
  expect(result('/api/v1/namespaces/{namespace}/configmaps/{name}')).toContain('.Status');
});

test('every group, the version and what OpenID clients read have documents of their own', () => {
  const made = (path: string) =>
    openApiV3Lonely(schema, descriptions, lonelyDocuments(allKinds).get(path)!) as unknown as Any;
  expect(Object.keys(made('apis/networking.k8s.io')['paths']!)).toEqual(['/apis/networking.k8s.io/']);
  expect(made('version')['components']!['schemas']).toHaveProperty(['io.k8s.apimachinery.pkg.version.Info']);
  expect(made('openid/v1/jwks')['components']).not.toHaveProperty('schemas');
});

test('objects of every group name the groups that they are registered for', () => {
  const leases = openApiV3Document(schema, descriptions, allKinds, 'coordination.k8s.io', 'v1') as unknown as Any;
  const options = leases['components']!['schemas']!['io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions']!;
  expect(options['x-kubernetes-group-version-kind']).toEqual([
    { group: '', version: 'v1', kind: 'DeleteOptions' },
    { group: 'coordination.k8s.io', version: 'v1', kind: 'DeleteOptions' },
  ]);
});
