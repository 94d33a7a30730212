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
