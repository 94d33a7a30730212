// What a runtime class adds to its pods, and what is refused.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
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

const classes = '/apis/node.k8s.io/v1/runtimeclasses';
const addClass = (name: string, more: object = {}) =>
  admin.post(classes, {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name },
    handler: 'h',
    ...more,
  });
const addPod = async (spec: object = {}): Promise<Pod> =>
  (await admin.post('/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  })) as Pod;

const toleration = { key: 'k', operator: 'Exists', effect: 'NoSchedule' };

test('a pod gets overhead, node selector and tolerations of its class', async () => {
  await addClass('heavy', {
    overhead: { podFixed: { cpu: '250m', memory: '64Mi' } },
    scheduling: { nodeSelector: { a: 'b' }, tolerations: [toleration] },
  });
  const { spec } = await addPod({ runtimeClassName: 'heavy', nodeSelector: { c: 'd' }, tolerations: [toleration] });
  expect(spec).toMatchObject({ overhead: { cpu: '250m', memory: '64Mi' }, nodeSelector: { a: 'b', c: 'd' } });
  expect(spec?.tolerations?.filter(({ key }) => key === 'k')).toEqual([toleration]);
});

test('the same overhead in other words is taken', async () => {
  await addClass('heavy', { overhead: { podFixed: { cpu: '250m' } } });
  expect((await addPod({ runtimeClassName: 'heavy', overhead: { cpu: '0.25' } })).spec?.overhead).toEqual({
    cpu: '250m',
  });
});

const rejected = (why: string): string => `403 pods "p" is forbidden: ${why}`;
test.each([
  [{ runtimeClassName: 'none' }, rejected('pod rejected: RuntimeClass "none" not found')],
  [
    { runtimeClassName: 'heavy', overhead: { cpu: '1' } },
    rejected("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"),
  ],
  [
    { overhead: { cpu: '1' } },
    rejected('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'),
  ],
  [
    { runtimeClassName: 'heavy', nodeSelector: { a: 'c' } },
    rejected('conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c'),
  ],
])('refuses a pod with %j', async (spec, expected) => {
  await addClass('heavy', { overhead: { podFixed: { cpu: '250m' } }, scheduling: { nodeSelector: { a: 'b' } } });
  expect(await outcome(addPod(spec))).toBe(expected);
});

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
test.each([
  [{ handler: 'Big' }, `handler: Invalid value: "Big": ${label}`],
  [
    { overhead: { podFixed: { cpu: '-1' } } },
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    { scheduling: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
    `scheduling.tolerations[0].operator: Invalid value: "b": value must be empty when \`operator\` is 'Exists'`,
  ],
])('refuses a class with %j', async (more, why) => {
  expect(await outcome(addClass('c', more))).toBe(`422 RuntimeClass.node.k8s.io "c" is invalid: ${why}`);
});

test('the handler is for good', async () => {
  await addClass('c');
  expect(await outcome(admin.patch(`${classes}/c`, 'merge-patch+json', { handler: 'other' }))).toBe(
    '422 RuntimeClass.node.k8s.io "c" is invalid: handler: Invalid value: "other": field is immutable',
  );
});
