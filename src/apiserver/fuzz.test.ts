// Requests that no client would send: mutilated bodies in every form, patches, selectors and expressions. Each gets an answer of the API, none
// an internal error, and the server goes on as before.
import {
  array,
  asyncProperty,
  assert as assertProperty,
  constantFrom,
  integer,
  oneof,
  string,
  tuple,
  uint8Array,
} from 'fast-check';
import type { ClientHttp2Session } from 'node:http2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ensurePki } from '../host/pki.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { type Answer, h2, httpsClient } from '../../test/support/https-client.ts';
import { startTestServer, type TestServer, verbs } from './test-server.ts';

const numRuns = process.env['PEAPOD_LONG'] === '1' ? 3000 : 150;
const pods = '/api/v1/namespaces/default/pods';
vi.setConfig({ testTimeout: 600_000 });

let t: TestServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  t = await startTestServer(realClock, realRandom);
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  session = httpsClient(port, pki.ca, admin).session();
  await verbs(t.admin).post(pods, pod('kept'));
});
afterAll(async () => {
  session?.close();
  await t?.server.close();
});

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'x' }, annotations: { a: 'b' }, finalizers: ['a.b/c'] },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        resources: { requests: { cpu: '100m', memory: '1Gi' } },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }],
    tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
  },
});

/** What is put in the place of a part of a valid text. */
const intruder = oneof(
  constantFrom(
    'null',
    '{}',
    '[]',
    '[[[[[[[[[[',
    '"__proto__":{"polluted":true},',
    '"constructor":{"prototype":{"polluted":true}},',
    '-0',
    '1e999',
    '9223372036854775808',
    '"\\ud800"',
    '\\u0000',
    '$patch: delete',
    '"$patch":"replace",',
    '"$retainKeys":["a"],',
    '"$setElementOrder/containers":[{"name":"c"}],',
    '&a [*a]',
    '<<: *a',
    '!!js/function',
    ',',
    '"',
    '\n',
    '\t',
    ': ',
  ),
  string({ maxLength: 12 }),
  constantFrom('['.repeat(20_000), '{"a":'.repeat(5000), '"'.padEnd(70_000, 'a')),
);

/** The text with some of its parts cut out or replaced. */
const mutilated = (text: string) =>
  array(tuple(integer({ min: 0, max: text.length }), integer({ min: 0, max: 40 }), intruder), {
    minLength: 1,
    maxLength: 4,
  }).map((cuts) => cuts.reduce((now, [at, length, part]) => now.slice(0, at) + part + now.slice(at + length), text));

const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString();

/** What kube-apiserver answers with a 500 or 504, too, though it is the client's doing. */
const known = new RegExp(
  [
    'Too large resource version',
    'failed to create typed patch object',
    'failed to convert new object',
    // Strategic merge patches that do not go with what is there.
    'does not contain declared merge key',
    'list element types are not identical',
    'no elements in any of the given slices',
    'expected a \\w+, but received a',
    'merging an object in json but data type is not struct',
    'unable to find api field in struct',
    'unknown patch type',
    'cannot merge lists without merge key',
    'merging lists cannot yet be specified',
  ].join('|'),
);

function judge(answer: Answer): void {
  const text = answer.body.toString();
  expect(answer.status < 500 || known.test(text), `${answer.status} ${text.slice(0, 500)}`).toBe(true);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
}

async function stillWell(): Promise<void> {
  expect((await h2(session, 'GET', '/readyz')).status).toBe(200);
  expect((await h2(session, 'GET', pods)).status).toBe(200);
}

const text = JSON.stringify(pod('made'));

describe('bodies', () => {
  test.each(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'])('%s', async (type) => {
    await assertProperty(
      asyncProperty(mutilated(text), async (body) => {
        judge(await h2(session, 'POST', `${pods}?dryRun=All`, { 'content-type': type }, body));
      }),
      { numRuns },
    );
    await stillWell();
  });

  test('protobuf behind its magic', async () => {
    await assertProperty(
      asyncProperty(uint8Array({ maxLength: 200 }), async (bytes) => {
        const body = Buffer.concat([Buffer.from('k8s\0'), bytes]);
        judge(await h2(session, 'POST', pods, { 'content-type': 'application/vnd.kubernetes.protobuf' }, body));
      }),
      { numRuns },
    );
    await stillWell();
  });
});

describe('patches', () => {
  const operations = JSON.stringify([
    { op: 'test', path: '/metadata/name', value: 'kept' },
    { op: 'replace', path: '/metadata/labels/app', value: 'y' },
    { op: 'add', path: '/spec/containers/0/env/-', value: { name: 'B' } },
    { op: 'move', from: '/metadata/annotations/a', path: '/metadata/annotations/b' },
    { op: 'remove', path: '/spec/tolerations/0' },
  ]);
  test.each([
    ['application/merge-patch+json', text, ''],
    ['application/strategic-merge-patch+json', text, ''],
    ['application/json-patch+json', operations, ''],
    ['application/apply-patch+yaml', text, '&fieldManager=fuzz&force=true'],
  ])('%s', async (type, valid, more) => {
    await assertProperty(
      asyncProperty(mutilated(valid), async (body) => {
        judge(await h2(session, 'PATCH', `${pods}/kept?dryRun=All${more}`, { 'content-type': type }, body));
      }),
      { numRuns },
    );
    await stillWell();
  });
});

test('selectors, tokens and revisions', async () => {
  const soup = array(
    oneof(
      constantFrom(
        'a',
        'a.b/c',
        '=',
        '==',
        '!=',
        ' in ',
        ' notin ',
        '(',
        ')',
        ',',
        '!',
        '<',
        '>',
        '1',
        '\\',
        '\0',
        '%',
        'é',
      ),
      string({ maxLength: 5 }),
    ),
    { maxLength: 12 },
  ).map((parts) => parts.join(''));
  const parameter = constantFrom(
    'labelSelector',
    'fieldSelector',
    'continue',
    'resourceVersion',
    'resourceVersionMatch',
    'limit',
    'fieldValidation',
    'pretty',
    'timeoutSeconds',
    'propagationPolicy',
  );
  await assertProperty(
    asyncProperty(array(tuple(parameter, soup), { minLength: 1, maxLength: 3 }), async (parameters) => {
      judge(await h2(session, 'GET', `${pods}?${query(Object.fromEntries(parameters))}`));
    }),
    { numRuns: numRuns * 2 },
  );
  await stillWell();
});

test('rules of custom resources in CEL', async () => {
  const valid =
    "self.items.all(i, i.size() < 3 && i.matches('^[a-z]+$')) || self.count + 1 > oldSelf.count * 2u ? true : [1, 2].exists(x, x == 1)";
  await assertProperty(
    asyncProperty(mutilated(valid), async (rule) => {
      const definition = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'things.fuzz.example.com' },
        spec: {
          group: 'fuzz.example.com',
          scope: 'Namespaced',
          names: { kind: 'Thing', plural: 'things' },
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
                      properties: {
                        count: { type: 'integer' },
                        items: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 5 } },
                      },
                      'x-kubernetes-validations': [{ rule }],
                    },
                  },
                },
              },
            },
          ],
        },
      };
      const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';
      judge(await h2(session, 'POST', crds, { 'content-type': 'application/json' }, JSON.stringify(definition)));
    }),
    { numRuns },
  );
  await stillWell();
});
