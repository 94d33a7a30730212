import { afterEach, describe, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '../../api/generated/types.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { WebhookCaller } from '../admission/webhook/webhook-caller.ts';
import type { ApiServer } from '../server.ts';
import { gather, outcome, startTestServer, verbs } from '../test-server.ts';

const running: ApiServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const v1 = '/apis/example.com/v1/namespaces/default/things';
const v2 = '/apis/example.com/v2/namespaces/default/things';

type Thing = KubeObject & { spec?: { hostPort?: string; host?: string; port?: number } };

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: Thing[] };
}

/** v1 has spec.hostPort, v2 has spec.host and spec.port. */
function convert(thing: Thing, apiVersion: string): Thing {
  const spec = thing.spec ?? {};
  if (apiVersion === 'example.com/v2') {
    const [host = '', port = '0'] = (spec.hostPort ?? '').split(':');
    return { ...thing, apiVersion, spec: { host, port: Number(port) } };
  }
  return { ...thing, apiVersion, spec: { hostPort: `${spec.host}:${spec.port}` } };
}

async function start() {
  const calls: number[] = [];
  let answer: ((review: Review) => object) | undefined;
  const callWebhook: WebhookCaller = ({ body }) => {
    const review = JSON.parse(body.toString('utf8')) as Review;
    calls.push(review.request.objects.length);
    const { uid, desiredAPIVersion, objects } = review.request;
    const response = answer?.(review) ?? {
      uid,
      result: { status: 'Success' },
      convertedObjects: objects.map((one) => convert(one, desiredAPIVersion)),
    };
    const text = JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response });
    return Promise.resolve({ status: 200, contentType: 'application/json', body: Buffer.from(text) });
  };
  const clock = createVirtualClock();
  const { server, admin, store } = await startTestServer(clock, createSeededRandom(1), { callWebhook });
  running.push(server);
  const answers = (given: ((review: Review) => object) | undefined): void => {
    answer = given;
  };
  return { calls, answers, admin, store, ...verbs(admin) };
}

function definition(webhook: boolean): CustomResourceDefinition {
  const version = (name: string, storage: boolean, properties: object) => ({
    name,
    storage,
    served: true,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      conversion: webhook
        ? {
            strategy: 'Webhook',
            webhook: {
              clientConfig: { url: 'https://converter.example.com/convert' },
              conversionReviewVersions: ['v1'],
            },
          }
        : { strategy: 'None' },
      versions: [
        version('v1', true, { hostPort: { type: 'string' }, shared: { type: 'string', default: 'x' } }),
        version('v2', false, { host: { type: 'string' }, port: { type: 'integer' }, shared: { type: 'string' } }),
      ],
    },
  } as CustomResourceDefinition;
}

const thing = (apiVersion: string, name: string, spec: object): object => ({
  apiVersion: `example.com/${apiVersion}`,
  kind: 'Thing',
  metadata: { name },
  spec,
});

test('without conversion a version shows what it knows, and the stored version gives the defaults', async () => {
  const { post, get } = await start();
  await post(crds, definition(false));
  await post(v1, thing('v1', 'a', { hostPort: 'h:1' }));
  expect(await get(`${v1}/a`)).toMatchObject({ apiVersion: 'example.com/v1', spec: { hostPort: 'h:1', shared: 'x' } });
  const other = (await get(`${v2}/a`)) as Thing;
  expect(other).toMatchObject({ apiVersion: 'example.com/v2' });
  expect(other.spec).toEqual({ shared: 'x' });
});

test('a webhook converts what is written, read, listed and watched', async () => {
  const { post, get, patch, admin, calls } = await start();
  await post(crds, definition(true));
  const watch = gather(admin, v2);
  expect(await post(v2, thing('v2', 'a', { host: 'h', port: 1 }))).toMatchObject({
    apiVersion: 'example.com/v2',
    spec: { host: 'h', port: 1 },
  });
  await post(v1, thing('v1', 'b', { hostPort: 'g:2' }));
  expect(await get(`${v1}/a`)).toMatchObject({ apiVersion: 'example.com/v1', spec: { hostPort: 'h:1' } });
  expect(await get(v2)).toMatchObject({ items: [{ spec: { host: 'h', port: 1 } }, { spec: { host: 'g', port: 2 } }] });
  await patch(`${v2}/b`, 'merge-patch+json', { spec: { port: 3 } });
  expect(await get(`${v1}/b`)).toMatchObject({ spec: { hostPort: 'g:3' } });
  await expect
    .poll(() => watch.events.map(({ object }) => (object as Thing).spec))
    .toEqual([
      { host: 'h', port: 1 },
      { host: 'g', port: 2 },
      { host: 'g', port: 3 },
    ]);
  watch.stop();
  // What was converted once is not converted again.
  const before = calls.length;
  await get(v2);
  expect(calls.length).toBe(before);
});

test('labels and annotations may be changed by the conversion, which object it is may not', async () => {
  const { post, get, answers } = await start();
  await post(crds, definition(true));
  await post(v1, thing('v1', 'a', { hostPort: 'h:1' }));
  const changing = (change: (one: Thing) => void) => (review: Review) => ({
    uid: review.request.uid,
    result: { status: 'Success' },
    convertedObjects: review.request.objects.map((one) => {
      const made = structuredClone(convert(one, review.request.desiredAPIVersion));
      change(made);
      return made;
    }),
  });
  const prefix = '500 conversion webhook for example.com/v1, Kind=Thing';
  answers(changing((one) => (one.metadata = { ...one.metadata, name: 'other' })));
  expect(await outcome(get(`${v2}/a`))).toBe(`${prefix} returned invalid object: must have the same name: a != other`);
  answers(changing((one) => (one.apiVersion = 'example.com/v3')));
  expect(await outcome(get(`${v2}/a`))).toBe(
    `${prefix} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v3)`,
  );
  answers(() => ({ result: { status: 'Failure', message: 'not today' } }));
  expect(await outcome(get(`${v2}/a`))).toMatch(/^500 conversion webhook .* failed: expected response.uid=/);
  answers(({ request }) => ({ uid: request.uid, result: { status: 'Failure', message: 'not today' } }));
  expect(await outcome(get(v2))).toBe(`${prefix} failed: not today`);
  answers(({ request }) => ({ uid: request.uid, result: { status: 'Success' }, convertedObjects: [] }));
  expect(await outcome(get(v2))).toBe(`${prefix} returned 0 objects, expected 1`);
  // The stored version needs no webhook.
  expect(await get(`${v1}/a`)).toMatchObject({ spec: { hostPort: 'h:1' } });
  answers(
    changing((one) => (one.metadata = { ...one.metadata, labels: { converted: 'yes' }, finalizers: ['x.io/no'] })),
  );
  const found = await get(`${v2}/a`);
  expect(found).toMatchObject({ metadata: { labels: { converted: 'yes' } } });
  expect(found).not.toHaveProperty('metadata.finalizers');
  expect(await get(v2, { labelSelector: 'converted=yes' })).toMatchObject({ items: [{ metadata: { name: 'a' } }] });
});

test('objects that were stored in an older version are converted when they are read', async () => {
  const { post, get, put } = await start();
  await post(crds, definition(true));
  await post(v1, thing('v1', 'a', { hostPort: 'h:1' }));
  const crd = structuredClone((await get(`${crds}/things.example.com`)) as CustomResourceDefinition);
  for (const version of crd.spec.versions) version.storage = version.name === 'v2';
  const changed = (await put(`${crds}/things.example.com`, crd)) as CustomResourceDefinition;
  expect(changed.status?.storedVersions).toEqual(['v1', 'v2']);
  expect(await get(`${v2}/a`)).toMatchObject({ spec: { host: 'h', port: 1 } });
  await post(v1, thing('v1', 'b', { hostPort: 'g:2' }));
  expect(await get(v2)).toMatchObject({ items: [{ spec: { host: 'h', port: 1 } }, { spec: { host: 'g', port: 2 } }] });
});

describe('the owners of fields in a version that a webhook converts', () => {
  const owners = (object: KubeObject): string[] =>
    (object.metadata?.managedFields ?? [])
      .map(({ manager, apiVersion, fieldsV1 }) => {
        const spec = (fieldsV1 as { 'f:spec'?: object } | undefined)?.['f:spec'] ?? {};
        return `${manager} ${apiVersion}: ${Object.keys(spec).toSorted().join(' ')}`;
      })
      .toSorted();

  async function startApplied() {
    const started = await start();
    await started.post(crds, definition(true));
    const apply = (manager: string, version: 'v1' | 'v2', spec: object, force = false) =>
      started.patch(`${version === 'v1' ? v1 : v2}/a`, 'apply-patch+yaml', thing(version, 'a', spec), {
        fieldManager: manager,
        ...(force ? { force: 'true' } : {}),
      });
    await apply('one', 'v2', { host: 'h', port: 1 });
    return { ...started, apply };
  }

  test('stand against an apply in another by what it changes of theirs', async () => {
    const { apply } = await startApplied();
    expect(await outcome(apply('two', 'v1', { hostPort: 'h:2' }))).toBe(
      '409 Apply failed with 1 conflict: conflict with "one": .spec.port',
    );
    expect(await outcome(apply('two', 'v1', { hostPort: 'g:2' }))).toMatch(/^409 Apply failed with 2 conflicts/);
    // What is the same in theirs is shared.
    expect(owners(await apply('two', 'v1', { hostPort: 'h:1' }))).toEqual([
      'one example.com/v2: f:host f:port',
      'two example.com/v1: f:hostPort',
    ]);
    expect(owners(await apply('two', 'v1', { hostPort: 'h:2' }, true))).toEqual([
      'one example.com/v2: f:host',
      'two example.com/v1: f:hostPort',
    ]);
  });

  test('keep what an update in another leaves as it is', async () => {
    const { patch } = await startApplied();
    const changed = await patch(`${v1}/a`, 'merge-patch+json', { spec: { hostPort: 'g:1' } }, { fieldManager: 'two' });
    expect(owners(changed)).toEqual(['one example.com/v2: f:port', 'two example.com/v1: f:hostPort']);
  });

  test('go on in the other version, and give up there what they want no more', async () => {
    const { answers, apply } = await startApplied();
    answers(({ request: { uid, desiredAPIVersion, objects } }) => ({
      uid,
      result: { status: 'Success' },
      convertedObjects: objects.map((one) => {
        const made = convert(one, desiredAPIVersion);
        return { ...made, spec: { ...made.spec, shared: (one.spec as { shared?: string } | undefined)?.shared } };
      }),
    }));
    await apply('two', 'v1', { hostPort: 'h:1' });
    const moved = await apply('one', 'v1', { shared: 'y' });
    expect(owners(moved)).toEqual(['one example.com/v1: f:shared', 'two example.com/v1: f:hostPort']);
    expect(moved).toMatchObject({ spec: { hostPort: 'h:1', shared: 'y' } });
  });

  test('stay as they are where the webhook fails on an update; an apply fails with it', async () => {
    const { apply, answers, patch } = await startApplied();
    answers(({ request }) => ({ uid: request.uid, result: { status: 'Failure', message: 'not today' } }));
    expect(await outcome(apply('two', 'v1', { hostPort: 'h:2' }))).toBe(
      '500 conversion webhook for example.com/v1, Kind=Thing failed: not today',
    );
    const changed = await patch(`${v1}/a`, 'merge-patch+json', { spec: { hostPort: 'g:1' } }, { fieldManager: 'two' });
    expect(changed).toMatchObject({ spec: { hostPort: 'g:1' } });
    expect(owners(changed)).toEqual(['one example.com/v2: f:host f:port']);
  });

  test('are forgotten where their version is gone', async () => {
    const { apply, get, put } = await startApplied();
    const crd = structuredClone((await get(`${crds}/things.example.com`)) as CustomResourceDefinition);
    crd.spec.versions = crd.spec.versions.filter(({ name }) => name === 'v1');
    await put(`${crds}/things.example.com`, crd);
    expect(owners(await apply('two', 'v1', { hostPort: 'g:2' }))).toEqual(['two example.com/v1: f:hostPort']);
  });
});
