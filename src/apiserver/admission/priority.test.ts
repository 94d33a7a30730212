// Which priority pods get, and which classes and pods are refused.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod, PriorityClass } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
beforeEach(async () => {
  server = await startTestServer(createVirtualClock(), createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
const addClass = (name: string, value: number, more: object = {}) =>
  admin.post(classes, {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    ...more,
  });
const addPod = async (spec: object = {}, name = 'p'): Promise<Pod> =>
  (await admin.post('/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  })) as Pod;

test('the system’s classes are there from the start and stay', async () => {
  const { items } = (await admin.get(classes)) as { items?: PriorityClass[] };
  expect(items?.map(({ metadata, value }) => `${metadata?.name} ${value}`)).toEqual([
    'system-cluster-critical 2000000000',
    'system-node-critical 2000001000',
  ]);
  expect(await outcome(admin.del(`${classes}/system-node-critical`))).toBe(
    '403 priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted',
  );
});

test('a pod gets the priority of its class, of the default class, or none', async () => {
  expect((await addPod({}, 'none')).spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
  await addClass('high', 1000, { preemptionPolicy: 'Never' });
  await addClass('usual', 7, { globalDefault: true });
  const named = await addPod({ priorityClassName: 'high' }, 'named');
  expect(named.spec).toMatchObject({ priorityClassName: 'high', priority: 1000, preemptionPolicy: 'Never' });
  const plain = await addPod({}, 'plain');
  expect(plain.spec).toMatchObject({
    priorityClassName: 'usual',
    priority: 7,
    preemptionPolicy: 'PreemptLowerPriority',
  });
  expect((await addPod({ priorityClassName: 'system-node-critical' }, 'critical')).spec?.priority).toBe(2_000_001_000);
  expect((await addPod({ priority: 7 }, 'same')).spec?.priority).toBe(7);
});

test('an update that leaves the priority out keeps it', async () => {
  const pod = await addPod();
  const spec = { ...pod.spec };
  delete spec.priority;
  delete spec.preemptionPolicy;
  const labels = { a: 'b' };
  const changed = await admin.put('/api/v1/namespaces/default/pods/p', {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec,
  });
  expect(changed).toMatchObject({
    metadata: { labels },
    spec: { priority: 0, preemptionPolicy: 'PreemptLowerPriority' },
  });
});

const computed = 'must not be provided in pod spec; priority admission controller computed';
test.each([
  [{ priorityClassName: 'nothing' }, 'no PriorityClass with name nothing was found'],
  [{ priority: 5 }, `the integer value of priority (5) ${computed} 0 from the given PriorityClass name`],
  [
    { preemptionPolicy: 'Never' },
    `the string value of PreemptionPolicy (Never) ${computed} PreemptLowerPriority from the given PriorityClass name`,
  ],
])('refuses a pod with %j', async (spec, why) => {
  expect(await outcome(addPod(spec))).toBe(`403 pods "p" is forbidden: ${why}`);
});

const invalid = (name: string, why: string): string =>
  `422 PriorityClass.scheduling.k8s.io ${JSON.stringify(name)} is invalid: ${why}`;
const reserved =
  "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only.";
test.each<[string, number, object, string]>([
  ['fine', -5, {}, 'ok'],
  ['most', 1_000_000_000, {}, 'ok'],
  [
    'more',
    1_000_000_001,
    {},
    invalid('more', 'value: Forbidden: maximum allowed value of a user defined priority is 1000000000'),
  ],
  ['system-x', 1, {}, invalid('system-x', `${reserved} error: system-x is not a known system priority class`)],
  [
    'policy',
    1,
    { preemptionPolicy: 'Perhaps' },
    invalid(
      'policy',
      'preemptionPolicy: Unsupported value: "Perhaps": supported values: "PreemptLowerPriority", "Never"',
    ),
  ],
  [
    'second',
    1,
    { globalDefault: true },
    '403 priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass first is already marked as default. Only one default can exist',
  ],
])('a class %s of %d with %j', async (name, value, more, expected) => {
  await addClass('first', 1, { globalDefault: true });
  expect(await outcome(addClass(name, value, more))).toBe(expected);
});

test('value and policy of a class are for good, its default is not', async () => {
  await addClass('c', 1);
  const patch = (body: object) => outcome(admin.patch(`${classes}/c`, 'merge-patch+json', body));
  expect(await patch({ value: 2 })).toBe(invalid('c', 'value: Forbidden: may not be changed in an update.'));
  expect(await patch({ preemptionPolicy: 'Never' })).toBe(
    invalid('c', 'preemptionPolicy: Invalid value: "Never": field is immutable'),
  );
  expect(await patch({ globalDefault: true })).toBe('ok');
  expect(await patch({ globalDefault: true, description: 'x' })).toBe('ok');
});
