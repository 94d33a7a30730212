// The forms that answers come in: protobuf, YAML, indented JSON, metadata alone, and what is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { load } from 'js-yaml';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { type Answer, h2, type HttpsClient, httpsClient, json } from '../../../test/support/https-client.ts';
import { protobufDecoder } from '../protobuf/decode.ts';
import { protobufEncoder } from '../protobuf/encode.ts';
import { openEnvelope, sealEnvelope } from '../protobuf/envelope.ts';
import { Reader } from '../protobuf/reader.ts';
import { configMap, startTestServer, type TestServer, verbs } from '../test-server.ts';

const schema = loadSchema();
const decoder = protobufDecoder(schema);
const encoder = protobufEncoder(schema);
const protobuf = 'application/vnd.kubernetes.protobuf';
const cms = '/api/v1/namespaces/default/configmaps';
let t: TestServer;
let api: ReturnType<typeof verbs>;
let h1: HttpsClient['h1'];
let session: HttpsClient['session'];
let rawTls: HttpsClient['rawTls'];

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  t = await startTestServer(realClock, realRandom);
  api = verbs(t.admin);
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  ({ h1, session, rawTls } = httpsClient(port, pki.ca, admin));
});
afterAll(() => t.server.close());

const get = (path: string, accept = protobuf): Promise<Answer> => h1('GET', path, { headers: { accept } });
const sealed = (apiVersion: string, kind: string, definition: string, object: object): Buffer =>
  Buffer.concat(sealEnvelope(apiVersion, kind, [encoder.message(definition, object)]));

/** The messages in a field of a message. */
function chunksIn(message: Buffer, wanted: number): Buffer[] {
  const reader = new Reader(message);
  const found: Buffer[] = [];
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === wanted && wire === 2) found.push(reader.chunk());
    else reader.skip(wire);
  }
  return found;
}

describe('protobuf', () => {
  test('an object is made, shown, listed and deleted without a word of JSON', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const pod = {
      metadata: { name: 'proto', labels: { a: 'b' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } } }],
      },
    };
    const headers = { accept: protobuf, 'content-type': protobuf };
    const body = sealed('v1', 'Pod', 'io.k8s.api.core.v1.Pod', pod);
    const made = await h1('POST', pods, { headers, body });
    expect([made.status, made.headers['content-type']]).toEqual([201, protobuf]);
    const asJson = json(await get(`${pods}/proto`, 'application/json'));
    expect(asJson).toMatchObject({ spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c' }] } });
    const shown = await get(`${pods}/proto`);
    expect(decoder.decode(shown.body)).toEqual(asJson);
    expect(decoder.decode(made.body)).toEqual(asJson);
    const { kind: _, apiVersion: __, ...item } = asJson;
    const list = decoder.decode((await get(pods)).body);
    expect(list).toMatchObject({ kind: 'PodList', apiVersion: 'v1', items: [item] });
    expect(list['metadata']).toEqual(json(await get(pods, 'application/json'))['metadata']);
    const options = sealed('v1', 'DeleteOptions', 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions', {
      preconditions: { uid: 'other' },
    });
    const sized = { ...headers, 'content-length': String(options.length) };
    const refused = await h1('DELETE', `${pods}/proto`, { headers: sized, body: options });
    expect([refused.status, refused.headers['content-type']]).toEqual([409, protobuf]);
    expect(decoder.decode(refused.body)).toMatchObject({ kind: 'Status', reason: 'Conflict', code: 409 });
    expect((await h1('DELETE', `${pods}/proto`, { headers })).status).toBe(200);
  });

  test('a long list comes in chunks and compressed, with its continue token', async () => {
    const path = '/api/v1/namespaces/kube-public/configmaps';
    for (let i = 0; i < 20; i++)
      await api.post(path, configMap(`big${String(i).padStart(2, '0')}`, { data: { a: `${i}`.repeat(20_000) } }));
    const first = decoder.decode((await get(`${path}?limit=15`)).body) as {
      metadata: { continue: string; remainingItemCount: number };
      items: { metadata: { name: string } }[];
    };
    expect([first.items.length, first.metadata.remainingItemCount]).toEqual([15, 5]);
    const rest = decoder.decode((await get(`${path}?limit=15&continue=${first.metadata.continue}`)).body);
    expect((rest['items'] as unknown[]).length).toBe(5);
    const whole = await get(path);
    expect(whole.headers['content-length']).toBe(String(whole.body.length));
    expect((decoder.decode(whole.body)['items'] as unknown[]).length).toBe(20);
  });

  test.each([
    ['v1', 1, 2],
    ['v1beta1', 2, 1],
  ])('metadata alone, as %s has it', async (version, metaField, itemField) => {
    await api.post(cms, configMap(`partial-${version}`, { data: { a: 'b' } }));
    const one = await get(
      `${cms}/partial-${version}`,
      `${protobuf};as=PartialObjectMetadata;g=meta.k8s.io;v=${version}`,
    );
    const { apiVersion, kind, raw } = openEnvelope(one.body);
    expect([apiVersion, kind]).toEqual([`meta.k8s.io/${version}`, 'PartialObjectMetadata']);
    const asConfigMap = sealEnvelope('v1', 'ConfigMap', [raw]);
    // The fields of metadata are where those of any object are.
    expect(decoder.decode(Buffer.concat(asConfigMap))).toMatchObject({ metadata: { name: `partial-${version}` } });
    const accept = `${protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=${version}`;
    const list = openEnvelope((await get(cms, accept)).body);
    expect(list.kind).toBe('PartialObjectMetadataList');
    const items = chunksIn(list.raw, itemField);
    expect(items).toContainEqual(raw);
    const { items: all } = json(await get(cms, 'application/json')) as { items: unknown[] };
    expect(items.length).toBe(all.length);
    expect(chunksIn(list.raw, metaField).length).toBe(1);
  });

  test('a watch sends frames of four bytes of length and a WatchEvent', async () => {
    const client = session();
    const stream = client.request({
      ':path': `${cms}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dseen`,
      accept: `${protobuf};stream=watch,application/json`,
    });
    let bytes = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
    expect(headers['content-type']).toBe(`${protobuf};stream=watch`);
    const made = await api.post(cms, configMap('seen', { data: { a: 'b' } }));
    await api.del(`${cms}/seen`);
    const events = (): unknown[] => {
      const found: unknown[] = [];
      for (let at = 0; at + 4 <= bytes.length; ) {
        const size = bytes.readUInt32BE(at);
        const event = bytes.subarray(at + 4, at + 4 + size);
        const [object = Buffer.alloc(0)] = chunksIn(chunksIn(event, 2)[0] ?? Buffer.alloc(0), 1);
        found.push({ type: chunksIn(event, 1)[0]?.toString(), object: decoder.decode(object) });
        at += 4 + size;
      }
      return found;
    };
    await expect.poll(() => events().length, { timeout: 30_000 }).toBe(3);
    expect(events()).toMatchObject([
      { type: 'BOOKMARK', object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } },
      { type: 'ADDED', object: made },
      { type: 'DELETED', object: { data: { a: 'b' } } },
    ]);
    stream.close();
    client.close();
  });

  test('a watch that is too old ends with a Status', async () => {
    const client = session();
    const start = (await api.post(cms, configMap('old'))).metadata?.resourceVersion ?? '';
    for (let i = 0; i < 1100; i++) await api.patch(`${cms}/old`, 'merge-patch+json', { data: { i: String(i) } });
    await t.store.compact(t.store.revision());
    const answer = await h2(client, 'GET', `${cms}?watch=true&resourceVersion=${start}`, { accept: protobuf });
    const [object = Buffer.alloc(0)] = chunksIn(chunksIn(answer.body.subarray(4), 2)[0] ?? Buffer.alloc(0), 1);
    expect(chunksIn(answer.body.subarray(4), 1)[0]?.toString()).toBe('ERROR');
    expect(decoder.decode(object)).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
    client.close();
  });

  test('reviews answer in it', async () => {
    const headers = { accept: protobuf, 'content-type': protobuf };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const body = sealed(
      'authorization.k8s.io/v1',
      'SelfSubjectAccessReview',
      'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
      { spec: { resourceAttributes: { verb: 'list', resource: 'pods' } } },
    );
    const answer = await h1('POST', path, { headers, body });
    expect(decoder.decode(answer.body)).toMatchObject({ kind: 'SelfSubjectAccessReview', status: { allowed: true } });
  });
});

test('a watch over HTTP/1.1 has its head at once, comes in chunks and leaves the connection to others', async () => {
  const socket = await rawTls();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const query = 'watch=true&timeoutSeconds=2&fieldSelector=metadata.name%3Dchunk';
  socket.write(`GET ${cms}?${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await expect.poll(() => text, { timeout: 30_000 }).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/);
  expect(text).toContain('Transfer-Encoding: chunked');
  const head = text.length;
  for (const value of ['1', '2', '3']) {
    if (value === '1') await api.post(cms, configMap('chunk'));
    else await api.patch(`${cms}/chunk`, 'merge-patch+json', { data: { value } });
  }
  await expect.poll(() => text, { timeout: 30_000 }).toMatch(/0\r\n\r\n$/);
  let rest = text.slice(head);
  let body = '';
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, end), 16);
    body += rest.slice(end + 2, end + 2 + size);
    expect(rest.slice(end + 2 + size, end + 4 + size)).toBe('\r\n');
    if (size === 0) break;
    rest = rest.slice(end + 4 + size);
  }
  const events = body.split('\n').filter((line) => line !== '');
  expect(events.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['ADDED', 'MODIFIED', 'MODIFIED']);
  text = '';
  socket.write('GET /version HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(() => text, { timeout: 30_000 }).toContain('gitVersion');
  socket.destroy();
});

describe('what is accepted', () => {
  const table = 'as=Table;v=v1;g=meta.k8s.io';

  test.each([
    [`${protobuf};${table},application/json;${table}`, 'application/json', 'Table'],
    [`${protobuf};${table},application/json`, 'application/json', 'ConfigMap'],
    [`text/html,application/json;q=0.1`, 'application/json', 'ConfigMap'],
    [`application/json;${table};as=Nothing,*/*`, 'application/json', 'ConfigMap'],
    [`application/yaml;${table}`, 'application/yaml', 'Table'],
  ])('%s gets %s', async (accept, type, kind) => {
    await api.post(cms, configMap('accepted')).catch(() => {});
    const answer = await get(`${cms}/accepted`, accept);
    expect(answer.headers['content-type']).toBe(type);
    expect(load(answer.body.toString())).toMatchObject({ kind });
  });

  test('a scale is shown as a table or as its metadata, and in no protobuf', async () => {
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
    await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: 'sets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'sets', kind: 'Set' },
        versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { scale } }],
      },
    });
    const sets = '/apis/example.com/v1/namespaces/default/sets';
    await api.post(sets, {
      apiVersion: 'example.com/v1',
      kind: 'Set',
      metadata: { name: 'one' },
      spec: { replicas: 3 },
    });
    const shown = await get(`${sets}/one/scale`, `application/json;${table}`);
    expect(json(shown)).toMatchObject({
      kind: 'Table',
      columnDefinitions: ['Name', 'Desired', 'Available', 'Age'].map((name) => ({ name })),
      rows: [{ cells: ['one', 3, 0, expect.any(String)], object: { kind: 'PartialObjectMetadata' } }],
    });
    const changed = await h1('PATCH', `${sets}/one/scale`, {
      headers: { accept: `application/json;${table}`, 'content-type': 'application/merge-patch+json' },
      body: '{"spec":{"replicas":5}}',
    });
    expect(json(changed)).toMatchObject({ kind: 'Table', rows: [{ cells: ['one', 5, 0, expect.any(String)] }] });
    const metadata = await get(`${sets}/one/scale`, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io');
    expect(json(metadata)).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'one' } });
    const plain = json(await get(`${sets}/one/scale`, 'application/json'));
    expect(plain).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 5 } });
    expect((await get(`${sets}/one/scale`)).status).toBe(406);
  });

  const all = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const streams = `application/json;stream=watch, ${protobuf};stream=watch`;
  test.each([
    ['', `${protobuf};${table}`, `only the following media types are accepted: ${all}`],
    // Types alone are the router's affair, and it knows no other wildcard than all.
    ['', 'text/html', `406: Not Acceptable\n\nAvailable representations: ${all}, ${streams}`],
    ['', 'application/cbor;q=0.9', `406: Not Acceptable\n\nAvailable representations: ${all}, ${streams}`],
    ['', 'application/*', `406: Not Acceptable\n\nAvailable representations: ${all}, ${streams}`],
    ['?limit=1', 'application/cbor', `406: Not Acceptable\n\nAvailable representations: ${all}, ${streams}`],
    ['', 'application/json;sv=v2', `only the following media types are accepted: ${all}`],
    [
      '?watch=true',
      'application/yaml',
      `only the following media types are accepted: application/json;stream=watch, ${protobuf};stream=watch`,
    ],
    [
      '',
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
    ],
  ])('%s %s gets 406', async (query, accept, message) => {
    const answer = await get(`${cms}${query}`, accept);
    // The error itself comes in whatever form is accepted; JSON is YAML too.
    expect(load(answer.body.toString())).toMatchObject({ code: 406, reason: 'NotAcceptable', message });
  });

  test('a table of nothing known is refused', async () => {
    const answer = await get(`${cms}?includeObject=Some`, `application/json;${table}`);
    expect(json(answer)).toMatchObject({
      code: 400,
      message:
        "Unable to convert to Table as requested: includeObject: Invalid value: \"Some\": must be 'Metadata', 'Object', 'None', or empty",
    });
  });

  test('YAML holds what JSON does, in order', async () => {
    await api.post(cms, configMap('yaml', { data: { b: 'true', a: 'x\ny\n' } }));
    const text = (await get(`${cms}/yaml`, 'application/yaml')).body.toString();
    expect(load(text)).toEqual(json(await get(`${cms}/yaml`, 'application/json')));
    expect(text).toContain('data:\n  a: |\n    x\n    y\n  b: "true"\nkind: ConfigMap\nmetadata:\n');
  });

  test('people get indented JSON', async () => {
    await api.post(cms, configMap('pretty'));
    const curl = await h1('GET', `${cms}/pretty`, { headers: { 'user-agent': 'curl/8.0' } });
    const asked = await h1('GET', `${cms}/pretty?pretty=true`);
    const not = await h1('GET', `${cms}/pretty?pretty=0`, { headers: { 'user-agent': 'curl/8.0' } });
    expect(curl.body.toString()).toBe(JSON.stringify(json(not), null, 2));
    expect(asked.body.equals(curl.body)).toBe(true);
    expect(not.body.toString()).not.toContain('\n  ');
    const missing = await h1('GET', `${cms}/none`, { headers: { 'user-agent': 'curl/8.0' } });
    expect(missing.body.toString()).toContain('\n  "kind": "Status",\n');
  });
});

describe('metadata alone', () => {
  const listForm = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

  test('of nothing is a list that was never made', async () => {
    const none = await get('/api/v1/namespaces/default/podtemplates', listForm);
    expect(json(none)).toMatchObject({ kind: 'PartialObjectMetadataList', items: null });
  });

  test('of one object as a list is refused once the object is found', async () => {
    const missing = await get('/api/v1/namespaces/nosuch', listForm);
    expect([missing.status, json(missing)['message']]).toEqual([404, 'namespaces "nosuch" not found']);
    const found = await get('/api/v1/namespaces/default', listForm);
    expect([found.status, json(found)['message']]).toEqual([
      406,
      'you requested PartialObjectMetadataList, but the requested object is not a list (*core.Namespace)',
    ]);
  });
});

test('an owner that a review names twice is warned of', async () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'c' };
  const body = JSON.stringify({ metadata: { ownerReferences: [owner, owner] } });
  const answer = await h1('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(answer.headers['warning']).toContain('duplicate UID(s) observed: c');
});

describe('the head of an answer', () => {
  const headersOf = async (path: string, accept = 'application/json') => (await get(path, accept)).headers;

  test('keeps browsers from guessing at plain text, but for a single check that is fine', async () => {
    for (const path of ['/nosuch', '/healthz', '/readyz?verbose', '/livez/nosuch'])
      expect([path, (await headersOf(path))['x-content-type-options']]).toEqual([path, 'nosniff']);
    expect(await headersOf('/livez/ping')).not.toHaveProperty('x-content-type-options');
    const headers = { accept: 'application/json', 'impersonate-user': 'nobody' };
    const refused = await h1('GET', cms, { headers });
    expect([refused.status, refused.headers['x-content-type-options']]).toEqual([403, 'nosniff']);
    expect(await headersOf(`${cms}/nosuch`)).not.toHaveProperty('x-content-type-options');
  });

  test('lets caches keep the keys of tokens and aggregated discovery alone', async () => {
    expect(await headersOf('/openid/v1/jwks', '*/*')).toMatchObject({ 'cache-control': 'public, max-age=3600' });
    const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    expect(await headersOf('/apis', aggregated)).toMatchObject({ 'cache-control': 'public', vary: 'Accept' });
    for (const path of ['/apis', '/version', cms]) {
      const headers = await headersOf(path);
      expect([headers['cache-control'], headers.etag]).toEqual(['no-cache, private', undefined]);
    }
  });
});

test.each([
  ['/', 'application/json', /^\{\n {2}"paths": \[\n/],
  ['/version', 'application/json', /^\{\n {2}"major": "1",\n/],
  ['/apis?pretty=1', 'application/json', /^\{\n {2}"kind": "APIGroupList",\n/],
  ['/api/v1/namespaces/default', 'application/json', /^\{"kind":"Namespace".*\}\n$/],
  ['/api/v1/namespaces/default?pretty=1', 'application/json', /^\{\n {2}"kind": "Namespace",\n[^]*\n\}$/],
  // Whoever takes no form of a refusal is given one to read, its details before its code.
  ['/api/v1/nosuch', 'text/html', /^\{\n {2}"kind": "Status",\n[^]*"details": \{\},\n {2}"code": 404\n\}$/],
  ['/openapi/v2', 'text/html', /^$/],
  ['/openapi/v3', 'text/html', /^\{"paths":/],
])('%s as %s is written as Go writes it', async (path, accept, expected) => {
  expect((await get(path, accept)).body.toString()).toMatch(expected);
});

test('storage version hashes are those of kube-apiserver', async () => {
  const { resources } = json(await get('/apis/networking.k8s.io/v1', 'application/json')) as {
    resources: { name: string; storageVersionHash?: string }[];
  };
  expect(resources.find(({ name }) => name === 'ingressclasses')?.storageVersionHash).toBe('l/iqIbDgFyQ=');
});
