// Custom resources through kubectl: defined and used at once, explained, printed, scaled, waited for, converted by a webhook, kept over
// a restart, and deleted with their definition.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '../../src/api/generated/types.ts';
import { ensurePki } from '../../src/host/pki.ts';
import { realClock } from '../../src/host/real-clock.ts';
import { createMemoryFiles } from '../../src/sim/memory-files.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';
import { startWebhookServer, type WebhookServer } from '../support/webhook-server.ts';

let peapod: Peapod;
let converter: WebhookServer;
let caBundle: string;

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  caBundle = Buffer.from(pki.ca).toString('base64');
  converter = await startWebhookServer(pki.apiserver);
  peapod = await startPeapod({ runtime: 'simulated' });
});
afterAll(async () => {
  await converter?.close();
  await peapod?.dispose();
});

const kubectl = (...args: string[]): Promise<string> => peapod.kubectl(args);
const apply = (...objects: object[]) => {
  const input = objects.map((object) => JSON.stringify(object)).join('\n');
  return peapod.tryKubectl(['apply', '-f', '-'], { input });
};

const spec = {
  type: 'object',
  description: 'What is to run, and when.',
  required: ['cronSpec'],
  properties: {
    cronSpec: { type: 'string', description: 'When it runs, as cron has it.', pattern: '^[\\d*/ ]+$' },
    image: { type: 'string', default: 'busybox' },
    replicas: { type: 'integer', minimum: 0 },
  },
};

const status = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    selector: { type: 'string' },
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: { type: { type: 'string' }, status: { type: 'string' } },
      },
    },
  },
};

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'crontabs.stable.example.com' },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        selectableFields: [{ jsonPath: '.spec.image' }],
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
        ],
      },
      {
        name: 'v1beta1',
        served: true,
        storage: false,
        deprecated: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
      },
    ],
  },
};

const cronTab = (name: string, more: object = {}): object => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name, namespace: 'default' },
  spec: { cronSpec: '*/5 * * * *', replicas: 1, ...more },
});

test('objects can be had right after their definition', async () => {
  expect((await apply(definition)).stdout).toBe(
    'customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com created\n',
  );
  const { stdout, stderr } = await apply(cronTab('a'), cronTab('b', { image: 'other' }));
  expect(stderr).toBe('');
  expect(stdout).toBe('crontab.stable.example.com/a created\ncrontab.stable.example.com/b created\n');
  await kubectl('wait', '--for=condition=Established', 'crd/crontabs.stable.example.com', '--timeout=30s');
  expect(await kubectl('get', 'ct')).toMatch(
    /^NAME +SPEC +REPLICAS +READY +AGE\na +\*\/5 \* \* \* \* +1 +\d+s\nb +\*\/5 \* \* \* \* +1 +\d+s\n$/,
  );
  expect(await kubectl('get', 'ct', '-o', 'wide', '--field-selector', 'spec.image=other')).toMatch(
    /^NAME.*IMAGE\nb .*other\n$/,
  );
  const old = await peapod.tryKubectl(['get', 'crontabs.v1beta1.stable.example.com', '-o', 'name']);
  expect(old.stdout).toBe('crontab.stable.example.com/a\ncrontab.stable.example.com/b\n');
  expect(old.stderr).toBe(
    'Warning: stable.example.com/v1beta1 CronTab is deprecated; use stable.example.com/v1 CronTab\n',
  );
  expect(await kubectl('api-resources', '--api-group=stable.example.com')).toMatch(
    /crontabs +ct +stable.example.com\/v1 +true +CronTab/,
  );
});

test('the schema is explained, and held to', async () => {
  expect(await kubectl('explain', 'crontab.spec')).toMatch(
    /GROUP: +stable.example.com\nKIND: +CronTab\nVERSION: +v1\n\nFIELD: spec <Object>\n\n\nDESCRIPTION:\n +What is to run, and when.\n *\nFIELDS:\n {2}cronSpec\t<string> -required-\n +When it runs, as cron has it./,
  );
  const unknown = await apply(cronTab('c', { imag: 'x' }));
  expect(unknown.stderr).toContain('strict decoding error: unknown field "spec.imag"');
  const wrong = await apply(cronTab('c', { cronSpec: 'daily' }));
  expect(wrong.stderr).toContain(
    `spec.cronSpec: Invalid value: "daily": spec.cronSpec in body should match '^[\\d*/ ]+$'`,
  );
  const strategic = await peapod.tryKubectl(['patch', 'ct', 'a', '--type=strategic', '-p', '{"spec":{"replicas":2}}']);
  expect(strategic.code).toBe(1);
  expect(strategic.stderr).toContain('is not supported by stable.example.com/v1, Kind=CronTab');
});

test('scale, status, and waiting for a condition', async () => {
  await kubectl('scale', '--replicas=3', 'crontab/a');
  expect(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec.replicas} {.metadata.generation}')).toBe('3 2');
  const patch = JSON.stringify({ status: { replicas: 3, conditions: [{ type: 'Ready', status: 'True' }] } });
  const waiting = kubectl('wait', '--for=condition=Ready', 'crontab/a', '--timeout=30s');
  await kubectl('patch', 'ct', 'a', '--subresource=status', '--type=merge', '-p', patch);
  expect(await waiting).toBe('crontab.stable.example.com/a condition met\n');
  expect(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.status.replicas} {.metadata.generation}')).toBe('3 2');
});

interface Thing {
  apiVersion: string;
  spec: { at?: string; host?: string; port?: number };
}

/** v1 has spec.at, v2 has spec.host and spec.port. */
function convert(thing: Thing, apiVersion: string): Thing {
  const { at = '', host = '', port = 0 } = thing.spec;
  const [first = '', second = ''] = at.split(':');
  const spec = apiVersion.endsWith('/v1') ? { at: `${host}:${port}` } : { host: first, port: Number(second) };
  return { ...thing, apiVersion, spec };
}

test('a webhook converts between versions', async () => {
  converter.on('/convert', (request) => {
    const { uid, desiredAPIVersion, objects } = request as unknown as {
      uid: string;
      desiredAPIVersion: string;
      objects: Thing[];
    };
    const convertedObjects = objects.map((one) => convert(one, desiredAPIVersion));
    const response = { uid, result: { status: 'Success' }, convertedObjects };
    return { raw: JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response }) };
  });
  const version = (name: string, storage: boolean, properties: object) => ({
    name,
    storage,
    served: true,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  });
  const things = {
    ...definition,
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'things', kind: 'Thing' },
      conversion: {
        strategy: 'Webhook',
        webhook: {
          clientConfig: { url: `https://127.0.0.1:${converter.port}/convert`, caBundle },
          conversionReviewVersions: ['v1'],
        },
      },
      versions: [
        version('v1', false, { at: { type: 'string' } }),
        version('v2', true, { host: { type: 'string' }, port: { type: 'integer' } }),
      ],
    },
  };
  await apply(things);
  await apply({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: { at: 'h:80' } });
  expect(await kubectl('get', 'things.v2.example.com', 't', '-o', 'jsonpath={.spec.host} {.spec.port}')).toBe('h 80');
  expect(await kubectl('get', 'things.v1.example.com', '-o', 'jsonpath={.items[*].spec.at}')).toBe('h:80');
});

test('all of it is there again after a restart, and goes with its definition', async () => {
  await peapod.kill9();
  await peapod.restart();
  expect(await kubectl('get', 'ct', '-o', 'name')).toBe('crontab.stable.example.com/a\ncrontab.stable.example.com/b\n');
  expect(await kubectl('get', 'things.v1.example.com', 't', '-o', 'jsonpath={.spec.at}')).toBe('h:80');
  await kubectl('patch', 'ct', 'b', '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/wait"]}}');
  await kubectl('delete', 'crd', 'crontabs.stable.example.com', '--wait=false');
  const { status: state } = JSON.parse(
    await kubectl('get', 'crd', 'crontabs.stable.example.com', '-o', 'json'),
  ) as CustomResourceDefinition;
  expect(state?.conditions?.find(({ type }) => type === 'Terminating')?.status).toBe('True');
  const refused = await apply(cronTab('late'));
  expect(refused.stderr).toContain('create not allowed while custom resource definition is terminating');
  await kubectl('patch', 'ct', 'b', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  await kubectl('wait', '--for=delete', 'crd/crontabs.stable.example.com', '--timeout=60s');
  expect((await peapod.tryKubectl(['get', 'ct'])).stderr).toContain('could not find the requested resource');
});
