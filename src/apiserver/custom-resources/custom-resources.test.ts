import { afterEach, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { ApiServer } from '../server.ts';
import { gather, outcome, startTestServer, verbs } from '../test-server.ts';

const running: ApiServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start() {
  const clock = createVirtualClock();
  const { server, store, admin } = await startTestServer(clock, createSeededRandom(1));
  running.push(server);
  return { clock, store, server, admin, ...verbs(admin) };
}

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const cronTabs = '/apis/stable.example.com/v1/namespaces/default/crontabs';

function cronTabDefinition(change: (crd: CustomResourceDefinition) => void = () => {}): CustomResourceDefinition {
  const crd: CustomResourceDefinition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  required: ['cronSpec'],
                  properties: {
                    cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
                    image: { type: 'string', default: 'busybox' },
                    replicas: { type: 'integer', minimum: 1, maximum: 10 },
                  },
                },
                status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
              },
            },
          },
        },
      ],
    },
  };
  change(crd);
  return crd;
}

const cronTab = (name: string, spec: object = { cronSpec: '* * * * */5' }, more: object = {}): object => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec,
  ...more,
});

test('a definition is established, and its objects can be written and read at once', async () => {
  const { post, get } = await start();
  await post(crds, cronTabDefinition());
  const made = await post(cronTabs, cronTab('a'));
  expect(made).toMatchObject({ spec: { cronSpec: '* * * * */5', image: 'busybox' }, metadata: { generation: 1 } });
  expect(await get(`${cronTabs}/a`)).toMatchObject({ kind: 'CronTab', metadata: { name: 'a', namespace: 'default' } });
  expect(await get(cronTabs)).toMatchObject({ kind: 'CronTabList', items: [{ metadata: { name: 'a' } }] });
  const crd = await get(`${crds}/crontabs.stable.example.com`);
  expect(crd).toMatchObject({
    status: {
      acceptedNames: { plural: 'crontabs', kind: 'CronTab', listKind: 'CronTabList', shortNames: ['ct'] },
      storedVersions: ['v1'],
      conditions: [
        { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
        { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
      ],
    },
  });
});

test('what the schema does not know is dropped, or refused when asked for', async () => {
  const { post } = await start();
  await post(crds, cronTabDefinition());
  const spec = { cronSpec: '* * * * *', someRandomField: 42 };
  expect(await post(cronTabs, cronTab('a', spec))).not.toHaveProperty('spec.someRandomField');
  expect(await outcome(post(cronTabs, cronTab('b', spec), { fieldValidation: 'Strict' }))).toBe(
    '400 CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.someRandomField"',
  );
});

test('values are checked, in the words of Kubernetes', async () => {
  const { post } = await start();
  await post(crds, cronTabDefinition());
  const start1 = '422 CronTab.stable.example.com "a" is invalid: ';
  expect(await outcome(post(cronTabs, cronTab('a', { cronSpec: '* * * *', replicas: 15 })))).toBe(
    `${start1}[spec.cronSpec: Invalid value: "* * * *": spec.cronSpec in body should match '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$', spec.replicas: Invalid value: 15: spec.replicas in body should be less than or equal to 10]`,
  );
  expect(await outcome(post(cronTabs, cronTab('a', {})))).toBe(`${start1}spec.cronSpec: Required value`);
  expect(await outcome(post(cronTabs, cronTab('a', { cronSpec: '* * * * *', replicas: 'many' })))).toBe(
    `${start1}spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"`,
  );
});

test('discovery and OpenAPI follow, and all of it goes when the definition goes', async () => {
  const { post, get, del, admin } = await start();
  expect(await outcome(get('/apis/stable.example.com/v1'))).toBe(
    '404 the server could not find the requested resource',
  );
  await post(crds, cronTabDefinition());
  expect(await get('/apis/stable.example.com/v1')).toMatchObject({
    resources: [
      { name: 'crontabs', singularName: 'crontab', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
    ],
  });
  const openApi = (await get('/openapi/v3/apis/stable.example.com/v1')) as unknown as {
    components: { schemas: Record<string, { properties: Record<string, unknown> }> };
  };
  const schema = openApi.components.schemas['com.example.stable.v1.CronTab'];
  expect(Object.keys(schema?.properties ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  await post(cronTabs, cronTab('a'));
  const watch = gather(admin, cronTabs);
  await expect.poll(() => watch.texts()).toEqual(['ADDED a']);
  await del(`${crds}/crontabs.stable.example.com`);
  await watch.done;
  expect(watch.texts()).toEqual(['ADDED a', 'DELETED a']);
  expect(await outcome(get(cronTabs))).toBe('404 the server could not find the requested resource');
  expect(await outcome(get(`${crds}/crontabs.stable.example.com`))).toMatch(/^404 /);
});

const first = (crd: CustomResourceDefinition) => crd.spec.versions[0]!;
const withSubresources = (crd: CustomResourceDefinition): void => {
  first(crd).subresources = {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  };
};
const crdPath = `${crds}/crontabs.stable.example.com`;

test('status is written apart, and only changes of the rest count as generations', async () => {
  const { post, get, put, patch } = await start();
  await post(crds, cronTabDefinition(withSubresources));
  const made = await post(cronTabs, cronTab('a', undefined, { status: { replicas: 7 } }));
  expect(made).not.toHaveProperty('status');
  await put(`${cronTabs}/a/status`, { ...made, spec: { cronSpec: 'no' }, status: { replicas: 2, odd: 1 } });
  expect(await get(`${cronTabs}/a`)).toMatchObject({
    spec: { cronSpec: '* * * * */5' },
    status: { replicas: 2 },
    metadata: { generation: 1 },
  });
  await patch(`${cronTabs}/a`, 'merge-patch+json', { metadata: { labels: { a: 'b' } }, status: { replicas: 9 } });
  expect(await get(`${cronTabs}/a`)).toMatchObject({ status: { replicas: 2 }, metadata: { generation: 1 } });
  await patch(`${cronTabs}/a`, 'merge-patch+json', { spec: { image: 'x' } });
  expect(await get(`${cronTabs}/a`)).toMatchObject({ metadata: { generation: 2 } });
  expect(await outcome(patch(`${cronTabs}/a/status`, 'merge-patch+json', { status: { replicas: 'x' } }))).toBe(
    '422 CronTab.stable.example.com "a" is invalid: [status.replicas: Invalid value: "string": replicas in body must be of type integer: "string", .status.replicas: Invalid value: 0: .status.replicas accessor error: x is of the type string, expected int64]',
  );
});

test('the scale is read from an object and written to it', async () => {
  const { post, get, put, patch } = await start();
  await post(crds, cronTabDefinition(withSubresources));
  await post(cronTabs, cronTab('a'));
  expect(await outcome(get(`${cronTabs}/a/scale`))).toBe(
    '500 Internal error occurred: the spec replicas field ".spec.replicas" does not exist',
  );
  expect(await outcome(patch(`${cronTabs}/a/scale`, 'merge-patch+json', { spec: {} }))).toBe(
    '400 the spec replicas field ".spec.replicas" cannot be empty',
  );
  await patch(`${cronTabs}/a/scale`, 'merge-patch+json', { spec: { replicas: 3 } });
  await patch(`${cronTabs}/a/status`, 'merge-patch+json', { status: { replicas: 1, selector: 'app=a' } });
  const scale = await get(`${cronTabs}/a/scale`);
  expect(scale).toMatchObject({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name: 'a', namespace: 'default' },
    spec: { replicas: 3 },
    status: { replicas: 1, selector: 'app=a' },
  });
  await put(`${cronTabs}/a/scale`, { ...scale, spec: { replicas: 5 } });
  const object = await get(`${cronTabs}/a`);
  expect(object).toMatchObject({ spec: { replicas: 5 }, metadata: { generation: 3 } });
  expect(object.metadata?.managedFields?.find(({ subresource }) => subresource === 'scale')?.fieldsV1).toEqual({
    'f:spec': { 'f:replicas': {} },
  });
  expect(await outcome(put(`${cronTabs}/a/scale`, { ...scale, spec: { replicas: 1 } }))).toMatch(/^409 /);
  expect(await outcome(patch(`${cronTabs}/a/scale`, 'merge-patch+json', { spec: { replicas: -1 } }))).toMatch(
    /^422 .*\.spec\.replicas: Invalid value: -1: should be a non-negative integer/,
  );
});

test('new defaults and fields show on old objects, and what is no longer known does not', async () => {
  const { post, get, put } = await start();
  await post(crds, cronTabDefinition());
  await post(cronTabs, cronTab('a', { cronSpec: '* * * * *', replicas: 2 }));
  const crd = structuredClone(await get(crdPath)) as CustomResourceDefinition;
  const spec = first(crd).schema?.openAPIV3Schema?.properties?.['spec']?.properties ?? {};
  spec['suspend'] = { type: 'boolean', default: false };
  delete spec['replicas'];
  await put(crdPath, crd);
  const shown = await get(`${cronTabs}/a`);
  expect(shown).toMatchObject({ spec: { cronSpec: '* * * * *', image: 'busybox', suspend: false } });
  expect(shown).not.toHaveProperty('spec.replicas');
});

test('a value that was right once may stay, until it is changed', async () => {
  const { post, get, put, patch } = await start();
  await post(crds, cronTabDefinition());
  await post(cronTabs, cronTab('a', { cronSpec: '* * * * *', image: 'a/long/name' }));
  const crd = structuredClone(await get(crdPath)) as CustomResourceDefinition;
  const spec = first(crd).schema?.openAPIV3Schema?.properties?.['spec']?.properties ?? {};
  spec['image'] = { type: 'string', maxLength: 5 };
  await put(crdPath, crd);
  expect(await outcome(patch(`${cronTabs}/a`, 'merge-patch+json', { spec: { replicas: 2 } }))).toBe('ok');
  expect(await outcome(patch(`${cronTabs}/a`, 'merge-patch+json', { spec: { image: 'still/long' } }))).toMatch(
    /^422 .*spec.image: Too long/,
  );
});

test('rules in CEL are run, also on what was before', async () => {
  const { post, patch } = await start();
  const ruled = cronTabDefinition((crd) => {
    const spec = first(crd).schema!.openAPIV3Schema!.properties!['spec']!;
    spec['x-kubernetes-validations'] = [
      { rule: '!has(self.replicas) || self.replicas < 5', message: 'not so many' },
      { rule: '!has(oldSelf.replicas) || self.replicas >= oldSelf.replicas', message: 'never fewer' },
    ];
  });
  await post(crds, ruled);
  expect(await outcome(post(cronTabs, cronTab('a', { cronSpec: '* * * * *', replicas: 6 })))).toBe(
    '422 CronTab.stable.example.com "a" is invalid: spec: Invalid value: not so many',
  );
  await post(cronTabs, cronTab('a', { cronSpec: '* * * * *', replicas: 3 }));
  expect(await outcome(patch(`${cronTabs}/a`, 'merge-patch+json', { spec: { replicas: 2 } }))).toBe(
    '422 CronTab.stable.example.com "a" is invalid: spec: Invalid value: never fewer',
  );
});

test('fields that are selectable select, others are refused', async () => {
  const { post, get, admin } = await start();
  await post(
    crds,
    cronTabDefinition((crd) => (first(crd).selectableFields = [{ jsonPath: '.spec.image' }])),
  );
  await post(cronTabs, cronTab('a'));
  const watch = gather(admin, cronTabs, { fieldSelector: 'spec.image=other' });
  await post(cronTabs, cronTab('b', { cronSpec: '* * * * *', image: 'other' }));
  expect(await get(cronTabs, { fieldSelector: 'spec.image=other' })).toMatchObject({
    items: [{ metadata: { name: 'b' } }],
  });
  await expect.poll(() => watch.texts()).toEqual(['ADDED b']);
  watch.stop();
  expect(await outcome(get(cronTabs, { fieldSelector: 'spec.cronSpec=x' }))).toBe(
    '400 field label not supported: spec.cronSpec',
  );
});

test('two definitions never serve the same names, and one takes over when the other goes', async () => {
  const { post, get, del } = await start();
  await post(crds, cronTabDefinition());
  const rival = cronTabDefinition((crd) => {
    crd.metadata = { name: 'tabs.stable.example.com' };
    crd.spec.names = { plural: 'tabs', singular: 'tab', kind: 'CronTab', listKind: 'TabList' };
  });
  await post(crds, rival);
  const tabs = '/apis/stable.example.com/v1/namespaces/default/tabs';
  expect(await outcome(get(tabs))).toMatch(/^404 /);
  expect(await get(`${crds}/tabs.stable.example.com`)).toMatchObject({
    status: {
      conditions: [
        { type: 'NamesAccepted', status: 'False', reason: 'KindConflict', message: '"CronTab" is already in use' },
        { type: 'Established', status: 'False', reason: 'NotAccepted' },
      ],
    },
  });
  await del(crdPath);
  await expect.poll(() => outcome(get(tabs))).toBe('ok');
});

test('an object with a finalizer holds the definition, which takes no new ones', async () => {
  const { clock, post, get, del, patch } = await start();
  await post(crds, cronTabDefinition());
  await post(cronTabs, cronTab('a'));
  await patch(`${cronTabs}/a`, 'merge-patch+json', { metadata: { finalizers: ['example.com/wait'] } });
  expect(await del(crdPath)).toMatchObject({
    metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'] },
  });
  expect(await get(crdPath)).toMatchObject({
    status: {
      conditions: [{}, {}, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress' }],
    },
  });
  expect(await outcome(post(cronTabs, cronTab('b')))).toBe(
    '403 crontabs.stable.example.com "b" is forbidden: create not allowed while custom resource definition is terminating',
  );
  await patch(`${cronTabs}/a`, 'merge-patch+json', { metadata: { finalizers: null } });
  await clock.advance(1_000);
  await expect.poll(() => outcome(get(crdPath))).toMatch(/^404 /);
});

test('an object that holds its definition keeps what other versions do not know', async () => {
  const { clock, post, get, del, patch } = await start();
  await post(
    crds,
    cronTabDefinition(({ spec: { versions } }) => {
      const spec = { type: 'object', properties: { old: { type: 'string' } } };
      const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
      versions.unshift({ name: 'v1alpha1', served: true, storage: false, schema });
    }),
  );
  await post(cronTabs, cronTab('a'));
  await patch(`${cronTabs}/a`, 'merge-patch+json', { metadata: { finalizers: ['example.com/wait'] } });
  await del(crdPath);
  expect(await get(`${cronTabs}/a`)).toMatchObject({
    metadata: { deletionTimestamp: expect.any(String) },
    spec: { cronSpec: '* * * * */5', image: 'busybox' },
  });
  await patch(`${cronTabs}/a`, 'merge-patch+json', { metadata: { finalizers: null } });
  await clock.advance(1_000);
  await expect.poll(() => outcome(get(crdPath))).toMatch(/^404 /);
});

test('what is built in cannot be taken over', async () => {
  const { post, get } = await start();
  const rival = cronTabDefinition((crd) => {
    crd.metadata = {
      name: 'leases.coordination.k8s.io',
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    };
    crd.spec.group = 'coordination.k8s.io';
    crd.spec.names = { plural: 'leases', kind: 'Fake' };
  });
  await post(crds, rival);
  expect(await get('/apis/coordination.k8s.io/v1/leases')).toMatchObject({ kind: 'LeaseList' });
});

test('a server that starts on the same store serves the same', async () => {
  const { post, store, server } = await start();
  await post(crds, cronTabDefinition());
  await post(cronTabs, cronTab('a'));
  await server.close();
  const again = await startTestServer(createVirtualClock(), createSeededRandom(2), { store });
  running.push(again.server);
  expect(await verbs(again.admin).get(`${cronTabs}/a`)).toMatchObject({ spec: { image: 'busybox' } });
});

test('fields of objects are owned by the schema, and an apply keeps what others own', async () => {
  const { post, admin } = await start();
  await post(crds, cronTabDefinition());
  const made = await post(cronTabs, cronTab('a', { cronSpec: '* * * * *', replicas: 1 }), { fieldManager: 'me' });
  expect(made.metadata?.managedFields).toMatchObject([
    { manager: 'me', operation: 'Update', fieldsV1: { 'f:spec': { '.': {}, 'f:cronSpec': {}, 'f:replicas': {} } } },
  ]);
  const strategic = admin.request({
    method: 'PATCH',
    path: `${cronTabs}/a`,
    body: { spec: { replicas: 2 } },
    contentType: 'application/strategic-merge-patch+json',
  });
  expect(await outcome(strategic)).toMatch(
    /^415 .*accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/,
  );
});

test('server-side apply merges by the schema and refuses what others own', async () => {
  const { post, get, admin } = await start();
  await post(
    crds,
    cronTabDefinition((crd) => {
      const spec = first(crd).schema!.openAPIV3Schema!.properties!['spec']!.properties!;
      spec['ports'] = {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['port'],
        items: {
          type: 'object',
          required: ['port'],
          properties: { port: { type: 'integer' }, name: { type: 'string' } },
        },
      } as never;
    }),
  );
  const apply = (fieldManager: string, spec: object, force = false) =>
    admin.request({
      method: 'PATCH',
      path: `${cronTabs}/a`,
      query: { fieldManager, ...(force ? { force: 'true' } : {}) },
      body: cronTab('a', spec),
      contentType: 'application/apply-patch+yaml',
    });
  await apply('one', { cronSpec: '* * * * *', ports: [{ port: 80, name: 'web' }] });
  await apply('two', { ports: [{ port: 443, name: 'tls' }] });
  expect(await get(`${cronTabs}/a`)).toMatchObject({
    spec: {
      cronSpec: '* * * * *',
      image: 'busybox',
      ports: [
        { port: 80, name: 'web' },
        { port: 443, name: 'tls' },
      ],
    },
  });
  expect(await outcome(apply('two', { ports: [{ port: 80, name: 'other' }] }))).toBe(
    '409 Apply failed with 1 conflict: conflict with "one": .spec.ports[port=80].name',
  );
  await apply('two', { ports: [{ port: 80, name: 'other' }] }, true);
  expect(await get(`${cronTabs}/a`)).toMatchObject({ spec: { ports: [{ port: 80, name: 'other' }] } });
});

interface Documents {
  paths: Record<string, { patch?: { requestBody?: { content: object }; consumes?: string[] } }>;
  components?: { schemas: Record<string, Shown> };
  definitions?: Record<string, Shown>;
}

interface Shown {
  [field: string]: unknown;
  properties: Record<string, Shown>;
}

test('OpenAPI shows the schema with descriptions and extensions, and its new address tells of a change', async () => {
  const { post, get, put } = await start();
  await post(
    crds,
    cronTabDefinition((crd) => {
      const root = first(crd).schema!.openAPIV3Schema!;
      root.description = 'Runs at times.';
      const spec = root.properties!['spec']!.properties!;
      spec['port'] = { 'x-kubernetes-int-or-string': true };
      spec['free'] = {
        type: 'object',
        nullable: true,
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { a: { type: 'string' } },
      };
      first(crd).selectableFields = [{ jsonPath: '.spec.image' }];
    }),
  );
  const address = '/openapi/v3/apis/stable.example.com/v1';
  const index = async (): Promise<string> => JSON.stringify(await get('/openapi/v3'));
  const before = await index();
  expect(before).toContain('apis/stable.example.com/v1');
  const v3 = (await get(address)) as unknown as Documents;
  const shown = v3.components?.schemas['com.example.stable.v1.CronTab'];
  expect(shown).toMatchObject({
    description: 'Runs at times.',
    'x-kubernetes-group-version-kind': [{ group: 'stable.example.com', version: 'v1', kind: 'CronTab' }],
    'x-kubernetes-selectable-fields': [{ fieldPath: 'spec.image' }],
  });
  expect(shown?.properties['spec']?.properties['port']).toEqual({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
  });
  expect(shown?.properties['spec']?.properties['free']).toMatchObject({ nullable: true, properties: { a: {} } });
  const patched = v3.paths['/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}']?.patch;
  expect(Object.keys(patched?.requestBody?.content ?? {})).toEqual([
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
  ]);
  const v2 = (await get('/openapi/v2')) as unknown as Documents;
  const old = v2.definitions?.['com.example.stable.v1.CronTab'];
  expect(old?.properties['spec']?.properties['port']).toEqual({ 'x-kubernetes-int-or-string': true });
  expect(old?.properties['spec']?.properties['free']).toEqual({ 'x-kubernetes-preserve-unknown-fields': true });
  expect(v2.definitions).toHaveProperty(['com.example.stable.v1.CronTabList']);
  const crd = structuredClone(await get(crdPath)) as CustomResourceDefinition;
  first(crd).schema!.openAPIV3Schema!.description = 'Runs now and then.';
  await put(crdPath, crd);
  expect(await index()).not.toBe(before);
  expect(JSON.stringify(await get(address))).toContain('Runs now and then.');
});
