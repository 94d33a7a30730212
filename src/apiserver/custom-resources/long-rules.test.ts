// Expressions that take long on a whole API server: others are served meanwhile, and who gives up ends them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { configMap, outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;

beforeEach(async () => {
  server = await startTestServer(createVirtualClock(), createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const configMaps = '/api/v1/namespaces/default/configmaps';

/** What the request came to, and how many others, one after another, were answered before it. */
async function beside(request: Promise<unknown>): Promise<{ came: string; answered: number }> {
  let came: string | undefined;
  void outcome(request).then((text) => (came = text));
  for (let answered = 0; ; answered++) {
    if (came !== undefined) return { came, answered };
    await admin.get(configMaps);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const rows = '/apis/stable.example.com/v1/namespaces/default/tables';
const numbers = { type: 'array', maxItems: 50, items: { type: 'integer' } };

/** Each is cheap enough by itself; all of them together cost more than one object may. */
const rules = [0, 1, 2, 3, 4, 5].map((n) => ({ rule: `self.all(x, self.all(y, y >= -${n}))` }));
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'tables.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'tables', singular: 'table', kind: 'Table' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              rows: {
                type: 'array',
                maxItems: 700,
                items: { ...numbers, 'x-kubernetes-validations': rules },
              },
              all: {
                type: 'array',
                maxItems: 1000,
                items: { type: 'integer' },
                'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, y >= 0 || x >= 0))' }],
              },
            },
          },
        },
      },
    ],
  },
};

const table = (more: object): object => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'Table',
  metadata: { name: 't' },
  ...more,
});
const many = { rows: Array.from({ length: 700 }, () => Array.from({ length: 50 }, () => 1)) };

describe('the rules of a definition', () => {
  beforeEach(
    async () => void (await admin.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)),
  );

  test('run out of the budget of an object while others are served', async () => {
    const { came, answered } = await beside(admin.post(rows, table(many)));
    expect(came).toMatch(
      /^422 Table\.stable\.example\.com "t" is invalid: rows\[\d+\]: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run$/,
    );
    expect(answered).toBeGreaterThan(50);
  });

  test('that cost too much by themselves do so, too', async () => {
    const all = Array.from({ length: 1000 }, (_, i) => i);
    const { came, answered } = await beside(admin.post(rows, table({ all })));
    expect(came).toBe(
      '422 Table.stable.example.com "t" is invalid: all: Invalid value: "array": \'operation cancelled: actual cost limit exceeded\': no further validation rules will be run due to call cost exceeds limit for rule: self.all(x, self.all(y, y >= 0 || x >= 0))',
    );
    expect(answered).toBeGreaterThan(10);
  });

  test('end with the request', async () => {
    const abort = new AbortController();
    const request = server.admin.request({ method: 'POST', path: rows, body: table(many), signal: abort.signal });
    const ended = outcome(request);
    await admin.get(configMaps);
    abort.abort();
    expect(await ended).not.toContain('budget');
  });
});

describe('a policy', () => {
  const group = '/apis/admissionregistration.k8s.io/v1';
  const long = 'lists.range(900).all(a, lists.range(900).all(b, a + b >= 0))';

  test('with a variable that takes long is stopped while others are served', async () => {
    const apiVersion = 'admissionregistration.k8s.io/v1';
    await admin.post(`${group}/validatingadmissionpolicies`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'p' },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        },
        variables: [{ name: 'long', expression: long }],
        validations: [{ expression: 'lists.range(10).all(i, i < 0 || variables.long)' }],
      },
    });
    await admin.post(`${group}/validatingadmissionpolicybindings`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'b' },
      spec: { policyName: 'p', validationActions: ['Deny'] },
    });
    const { came, answered } = await beside(admin.post(configMaps, configMap('c')));
    expect(came).toContain(
      'composited variable "long" fails to evaluate: operation cancelled: actual cost limit exceeded',
    );
    expect(answered).toBeGreaterThan(10);
  });
});
