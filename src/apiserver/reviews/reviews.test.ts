// What reviews say beside yes and no: of their own metadata, of selectors that cannot be read, and of rules.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

let t: TestServer;
let api: ReturnType<typeof verbs>;
beforeAll(async () => {
  t = await startTestServer(createVirtualClock(), createSeededRandom(1));
  api = verbs(t.admin);
});
afterAll(() => t.server.close());

const group = '/apis/authorization.k8s.io/v1';
const attributes = { verb: 'list', resource: 'pods' };

describe('an access review', () => {
  test.each<[string, object, string | undefined]>([
    ['fields that parse', { fieldSelector: { rawSelector: 'a=b' } }, undefined],
    ['fields that do not', { fieldSelector: { rawSelector: '!!' } }, 'fieldSelector ignored due to parse error'],
    [
      'one field of two',
      {
        fieldSelector: {
          requirements: [
            { key: 'a', operator: 'In', values: ['b'] },
            { key: 'c', operator: 'In', values: ['d', 'e'] },
          ],
        },
      },
      'fieldSelector partially ignored due to parse error',
    ],
    ['labels that do not parse', { labelSelector: { rawSelector: '!!' } }, 'labelSelector ignored due to parse error'],
  ])('by %s', async (_, selectors, expected) => {
    const spec = { user: 'x', groups: ['system:masters'], resourceAttributes: { ...attributes, ...selectors } };
    const answer = (await api.post(`${group}/subjectaccessreviews`, { spec })) as { status?: object };
    expect(answer.status).toMatchObject({ allowed: true });
    const error = expected === undefined ? {} : { evaluationError: `spec.resourceAttributes.${expected}` };
    expect(answer.status).toEqual({ ...answer.status, ...error });
    expect('evaluationError' in (answer.status ?? {})).toBe(expected !== undefined);
  });

  test.each<[object, string]>([
    [{ name: 'a', namespace: 'other' }, '{"name":"a"}'],
    [{ name: 'a', uid: 'x', selfLink: '/y', deletionTimestamp: '2026-01-01T00:00:00Z' }, '{"name":"a"}'],
    [{ name: 'a', generation: 7, creationTimestamp: '2026-01-01T00:00:00Z' }, '{"name":"a","generation":7}'],
    [{ name: 'a', managedFields: [{ manager: 'x', operation: 'Odd' }] }, '{"name":"a"}'],
  ])('with metadata %j is refused by what is left of it', async (metadata, shown) => {
    expect(await outcome(api.post(`${group}/selfsubjectaccessreviews`, { metadata }))).toBe(
      `422 .authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, metadata: Invalid value: ${shown}: must be empty]`,
    );
  });
});

test('rules that hold before there are roles are told once, though roles give them as well', async () => {
  const user = { name: 'x', groups: ['system:authenticated'] };
  const answer = await verbs(t.server.inProcess(user)).post(`${group}/selfsubjectrulesreviews`, {
    spec: { namespace: 'default' },
  });
  const { resourceRules, nonResourceRules } = (
    answer as unknown as { status: { resourceRules: object[]; nonResourceRules: object[] } }
  ).status;
  for (const rules of [resourceRules, nonResourceRules]) {
    const texts = rules.map((rule) => JSON.stringify(rule));
    expect(texts.length).toBeGreaterThan(1);
    expect(new Set(texts).size).toBe(texts.length);
  }
});
