// What presets give to pods, and that they give nothing where it does not go together.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types.ts';
import type { PodPreset } from '../../api/kinds/podpreset/definition.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';
import { enabledPlugins } from './plugins.ts';
import { applyPresets } from './pod-preset.ts';

let api: TestServer;
let admin: ReturnType<typeof verbs>;
const pods = '/api/v1/namespaces/default/pods';
const presets = '/apis/settings.k8s.io/v1alpha1/namespaces/default/podpresets';

beforeEach(async () => {
  api = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    admissionPlugins: enabledPlugins(['NodeRestriction', 'PodPreset'], ['ServiceAccount']),
  });
  admin = verbs(api.admin);
});
afterEach(() => api.server.close());

const preset = (name: string, spec: object): object => ({
  apiVersion: 'settings.k8s.io/v1alpha1',
  kind: 'PodPreset',
  metadata: { name },
  spec: { selector: { matchLabels: { role: 'frontend' } }, ...spec },
});
const pod = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { role: 'frontend' }, ...metadata },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});
const database = preset('database', {
  env: [
    { name: 'PORT', value: '6379' },
    { name: 'ME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ],
  envFrom: [{ configMapRef: { name: 'etcd-env' } }],
  volumes: [
    { name: 'cache', emptyDir: {} },
    { name: 'config', configMap: { name: 'config' } },
  ],
  volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
});
const create = (object: object): Promise<Pod> => admin.post(pods, object) as Promise<Pod>;

test('a pod that is selected gets environment, volumes and mounts in all its containers, and says from where', async () => {
  const { metadata } = (await admin.post(presets, database)) as PodPreset;
  const made = await create(
    pod('a', {
      initContainers: [{ name: 'i', image: 'i:1' }],
      containers: [
        {
          name: 'c',
          image: 'i:1',
          env: [
            { name: 'OWN', value: '1' },
            { name: 'PORT', value: '6379' },
          ],
        },
      ],
    }),
  );
  expect(made.metadata?.annotations).toEqual({
    'podpreset.admission.kubernetes.io/podpreset-database': metadata?.resourceVersion,
  });
  const me = { name: 'ME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } };
  const given = {
    envFrom: [{ configMapRef: { name: 'etcd-env' } }],
    volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
  };
  expect(made.spec?.containers[0]).toMatchObject({
    env: [{ name: 'OWN', value: '1' }, { name: 'PORT', value: '6379' }, me],
    ...given,
  });
  expect(made.spec?.initContainers?.[0]).toMatchObject({ env: [{ name: 'PORT', value: '6379' }, me], ...given });
  expect(made.spec?.volumes).toEqual([
    { name: 'cache', emptyDir: {} },
    { name: 'config', configMap: { name: 'config', defaultMode: 420 } },
  ]);
});

test.each<[string, object]>([
  ['one that is not selected', pod('a', {}, { labels: { role: 'backend' } })],
  ['one that opts out', pod('a', {}, { annotations: { 'podpreset.admission.kubernetes.io/exclude': 'true' } })],
])('nothing is given to %s', async (_, object) => {
  await admin.post(presets, database);
  const { metadata, spec } = await create(object);
  expect(spec).not.toHaveProperty('volumes');
  expect(spec?.containers[0]).not.toHaveProperty('env');
  expect(Object.keys(metadata?.annotations ?? {}).filter((key) => key.includes('podpreset-'))).toEqual([]);
});

test('nothing is given to mirror pods, to pods of other namespaces, and by updates', async () => {
  await admin.post(presets, database);
  const mirror = pod('m', { nodeName: 'n' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } });
  expect((await create(mirror)).spec?.containers[0]).not.toHaveProperty('env');
  await admin.post('/api/v1/namespaces', { metadata: { name: 'other' } });
  const elsewhere = (await admin.post('/api/v1/namespaces/other/pods', pod('a'))) as Pod;
  expect(elsewhere.spec?.containers[0]).not.toHaveProperty('env');
  await create(pod('a', {}, { labels: {} }));
  const patch = { metadata: { labels: { role: 'frontend' } } };
  const updated = (await admin.patch(`${pods}/a`, 'merge-patch+json', patch)) as Pod;
  expect(updated.spec?.containers[0]).not.toHaveProperty('env');
});

test('several presets add up; where one conflicts, none gives anything, and an event on the pod says why', async () => {
  await admin.post(presets, database);
  await admin.post(presets, preset('proxy', { env: [{ name: 'PROXY', value: 'p' }] }));
  const both = await create(pod('both'));
  expect(both.spec?.containers[0]?.env?.map(({ name }) => name)).toEqual(['PORT', 'ME', 'PROXY']);
  expect(Object.keys(both.metadata?.annotations ?? {})).toHaveLength(2);
  const containers = [{ name: 'c', image: 'i:1', env: [{ name: 'PORT', value: '1' }] }];
  const conflicting = await create(pod('conflict', { containers }));
  expect(conflicting.spec?.containers[0]?.env).toEqual([{ name: 'PORT', value: '1' }]);
  expect(conflicting.spec).not.toHaveProperty('volumes');
  expect(conflicting.metadata).not.toHaveProperty('annotations');
  await new Promise((resolve) => setImmediate(resolve));
  const { items } = (await admin.get('/api/v1/namespaces/default/events')) as unknown as { items: object[] };
  expect(items).toMatchObject([
    {
      type: 'Warning',
      reason: 'PodPresetConflict',
      involvedObject: { kind: 'Pod', name: 'conflict', uid: conflicting.metadata?.uid },
      message:
        'merging env for database has a conflict on PORT: {"name":"PORT","value":"6379"} does not match {"name":"PORT","value":"1"}',
    },
  ]);
});

const given = (name: string, spec: PodPreset['spec']): PodPreset => ({
  metadata: { name, resourceVersion: '7' },
  ...(spec ? { spec } : {}),
});
const mounts = (...list: [name: string, mountPath: string][]) => list.map(([name, mountPath]) => ({ name, mountPath }));
test.each<[string, Partial<PodSpec>, PodPreset[], string[]]>([
  [
    'equal variables',
    {},
    [given('a', { env: [{ name: 'X', value: '1' }] }), given('b', { env: [{ name: 'X', value: '1' }] })],
    [],
  ],
  [
    'variables of two presets',
    {},
    [given('a', { env: [{ name: 'X', value: '1' }] }), given('b', { env: [{ name: 'X', value: '2' }] })],
    ['merging env for b has a conflict on X: {"name":"X","value":"2"} does not match {"name":"X","value":"1"}'],
  ],
  [
    'volumes',
    { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    [given('a', { volumes: [{ name: 'v', emptyDir: {} }] })],
    [
      'merging volumes for a has a conflict on v: {"name":"v","emptyDir":{}} does not match {"name":"v","hostPath":{"path":"/"}}',
    ],
  ],
  [
    'mounts of another volume at the same place',
    {},
    [given('a', { volumeMounts: mounts(['x', '/p']) }), given('b', { volumeMounts: mounts(['y', '/p']) })],
    [
      'merging volume mounts for b has a conflict on mount path /p: {"name":"y","mountPath":"/p"} does not match {"name":"x","mountPath":"/p"}',
    ],
  ],
])('conflicts: %s', (_, spec, all, conflicts) => {
  const result = applyPresets({ spec: { containers: [{ name: 'c' }], ...spec } }, all);
  expect('conflicts' in result ? result.conflicts : []).toEqual(conflicts);
});

test.each<[string, object, string]>([
  ['nothing to give', {}, 'spec.volumes.env.envFrom.volumeMounts: Required value: must specify at least one'],
  ['a variable without a name', { env: [{ value: 'x' }] }, 'spec.env[0].name: Required value'],
  ['a mount of no volume', { volumeMounts: mounts(['v', '/v']) }, 'spec.volumeMounts[0].name: Not found: "v"'],
  [
    'a volume of two kinds',
    { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] },
    'may not specify more than 1 volume type',
  ],
])('refuses a preset with %s', async (_, spec, why) =>
  expect(await outcome(admin.post(presets, preset('p', spec)))).toContain(why),
);
