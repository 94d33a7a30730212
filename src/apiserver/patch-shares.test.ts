// Patches of pods share with the old pod what they do not name: nobody may see a difference.
import { expect, test } from 'vitest';
import { allKinds } from '../api/kinds/all.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { AnyKind, Strategy } from '../api/scheme.ts';
import { createMemoryStore } from '../store/memory.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { enabledPlugins } from './admission/plugins.ts';
import { startTestServer, verbs } from './test-server.ts';

const pods = '/api/v1/namespaces/default/pods';
const spec = {
  containers: [
    {
      name: 'c',
      image: 'i:1',
      env: [{ name: 'A', value: 'b' }],
      resources: { limits: { cpu: '1', memory: '64Mi', 'example.com/thing': '1' } },
      ports: [{ containerPort: 80 }],
    },
  ],
  initContainers: [{ name: 'i', image: 'i' }],
  volumes: [{ name: 'v', emptyDir: {} }],
};
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { a: 'b' } }, spec };

/** The pod with strategies that copy everything. */
const copying = (strategy: Strategy): Strategy => ({ ...strategy, sharesUntouched: false });
function copyingKinds(): AnyKind[] {
  return allKinds.map((kind) => {
    const status = kind.subresources?.['status'];
    if (kind.kind !== 'Pod' || status?.kind !== 'object') return kind;
    const subresources = { ...kind.subresources, status: { ...status, strategy: copying(status.strategy) } };
    return { ...kind, strategy: copying(kind.strategy), subresources };
  });
}

const merge = 'merge-patch+json';
const strategic = 'strategic-merge-patch+json';
const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], podIP: '10.0.0.1' };
const patches: [path: string, type: string, body: unknown][] = [
  ['', merge, { metadata: { annotations: { x: 'y' } } }],
  ['', strategic, { metadata: { labels: { a: null, c: 'd' }, finalizers: ['example.com/f'] } }],
  ['', merge, {}],
  ['', merge, { status: running }],
  ['/status', merge, { status: running }],
  ['/status', strategic, { status: { conditions: [{ type: 'Ready', status: 'False' }] } }],
  ['/status', strategic, { metadata: { annotations: { z: 'z' } } }],
  ['/status', merge, { spec: { nodeName: 'n' } }],
  ['', strategic, { spec: { containers: [{ name: 'c', image: 'j:2' }] } }],
  ['', merge, { spec: { hostNetwork: true } }],
  ['', merge, { spec: null }],
  ['', merge, { nonsense: 1, metadata: { labels: { 'not ok!': 'x' } } }],
  ['', strategic, { $retainKeys: ['metadata', 'spec'], metadata: { labels: { e: 'f' } } }],
  ['', merge, { metadata: { managedFields: [{}] } }],
  ['', merge, { metadata: { annotations: { 'kubernetes.io/config.mirror': 'm' } } }],
  ['', 'json-patch+json', [{ op: 'add', path: '/metadata/labels/g', value: 'h' }]],
  ['/status', merge, { status: null }],
  ['', strategic, { metadata: { $patch: 'replace', name: 'p', namespace: 'default' } }],
];

/** All plugins that change pods are turned on only once the pod is there. */
const late = ['DefaultTolerationSeconds', 'ExtendedResourceToleration', 'PodTolerationRestriction', 'AlwaysPullImages'];

/** The answer, or the Status of its error. */
const answerTo = (request: Promise<unknown>): Promise<unknown> =>
  request.catch((error: unknown) => {
    if (isApiError(error)) return error.status;
    throw error;
  });

async function run(kinds: readonly AnyKind[]): Promise<unknown[]> {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const start = (enable: string[], disable: string[]) =>
    startTestServer(clock, createSeededRandom(1), { store, kinds, admissionPlugins: enabledPlugins(enable, disable) });
  const before = await start([], ['DefaultTolerationSeconds']);
  const made = await answerTo(verbs(before.admin).post(pods, pod));
  const { server, admin } = await start(late, []);
  const answers: unknown[] = [made];
  for (const [path, type, body] of patches) {
    answers.push(await answerTo(verbs(admin).patch(`${pods}/p${path}`, type, body)));
    await clock.advance(1000);
  }
  answers.push(await answerTo(verbs(admin).get(`${pods}/p`)));
  await server.close();
  await before.server.close();
  return answers;
}

test('an answer is the same whether parts are shared or copied', async () => {
  const shared = await run(allKinds);
  expect(shared).toEqual(await run(copyingKinds()));
  // They did something: plugins among them.
  expect(JSON.stringify(shared[1])).toContain('node.kubernetes.io/not-ready');
  expect(JSON.stringify(shared[1])).toContain('example.com/thing","operator":"Exists');
  expect(shared.at(-1)).toMatchObject({ spec: { containers: [{ image: 'j:2' }] } });
});

test('what an update sent empty is shown empty, also where admission adds tolerations to the spec', async () => {
  const { admin, server } = await startTestServer(createVirtualClock(), createSeededRandom(1));
  const api = verbs(admin);
  await api.post(pods, pod);
  const changed = { ...pod, spec: { ...spec, nodeSelector: {}, hostname: 'other' } };
  await expect(api.put(`${pods}/p`, changed)).rejects.toThrow(/"NodeSelector": \{\},/);
  await server.close();
});
