// Bodies as large as they may be, whose parts are all different: the work grows with the size, not with its square.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { outcome, startTestServer, type TestServer, verbs } from './test-server.ts';

const ns = '/api/v1/namespaces/default';
const dryRun = { dryRun: 'All' };

let t: TestServer;
let api: ReturnType<typeof verbs>;
beforeAll(async () => {
  t = await startTestServer(realClock, realRandom);
  api = verbs(t.admin);
  const finalizers = ['example.com/a'];
  await api.post(`${ns}/configmaps`, { metadata: { name: 'ending', finalizers } });
  await api.del(`${ns}/configmaps/ending`);
});
afterAll(() => t.server.close());

const count = 20_000;
const range = <T>(make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const containers = [{ name: 'c', image: 'i' }];
const pod =
  (spec: object, meta: object = {}) =>
  () =>
    api.post(`${ns}/pods`, { metadata: { name: 'x', ...meta }, spec: { containers, ...spec } }, dryRun);

// Any of them would take minutes, were each part compared with every other.
test.each<[string, () => Promise<unknown>, string]>([
  [
    'owners',
    pod({}, { ownerReferences: range((i) => ({ apiVersion: 'v1', kind: 'Node', name: 'a', uid: `${i}` })) }),
    'ok',
  ],
  [
    'keys of labels',
    pod({
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              topologyKey: 'k',
              labelSelector: {},
              matchLabelKeys: range((i) => `a${i}`),
              mismatchLabelKeys: range((i) => `b${i}`),
            },
          ],
        },
      },
    }),
    'ok',
  ],
  [
    'spread constraints',
    pod({
      topologySpreadConstraints: range((i) => ({
        maxSkew: 1,
        topologyKey: `k${i}`,
        whenUnsatisfiable: 'DoNotSchedule',
      })),
    }),
    'ok',
  ],
  [
    'finalizers of what is being deleted',
    () =>
      api.patch(
        `${ns}/configmaps/ending`,
        'merge-patch+json',
        { metadata: { finalizers: range((i) => `example.com/${i}`) } },
        dryRun,
      ),
    '422 ConfigMap "ending" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added',
  ],
])('many %s', async (_, send, expected) => expect(await outcome(send())).toContain(expected));

test('of very many errors the first are told', async () => {
  const data = Object.fromEntries(range((i) => [`a b${i}`, '']));
  const text = await outcome(api.post(`${ns}/configmaps`, { metadata: { name: 'x' }, data }, dryRun));
  expect(text).toContain('422 ConfigMap "x" is invalid: [data[a b0]: Invalid value: "a b0"');
  expect(text).toMatch(/, and 19000 more errors\]$/);
  expect(text.length).toBeLessThan(1_000_000);
});
