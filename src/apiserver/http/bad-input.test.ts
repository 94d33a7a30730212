// What clients are told of requests that make no sense, byte for byte, over both protocols.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { h2, type HttpsClient, httpsClient, json } from '../../../test/support/https-client.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
let t: TestServer;
let h1: HttpsClient['h1'];
let session: HttpsClient['session'];
let rawTls: HttpsClient['rawTls'];

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  const admin = await pki.issueClientCert('admin', ['system:masters']);
  t = await startTestServer(realClock, realRandom);
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  ({ h1, session, rawTls } = httpsClient(port, pki.ca, admin));
});
afterAll(() => t.server.close());

describe('bad input', () => {
  const type = { 'content-type': 'application/json' };
  test.each<[string, string, string, Record<string, string>, string, number, string]>([
    [
      'malformed JSON',
      'POST',
      cms,
      type,
      '{"a":',
      400,
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: unexpected end of JSON input ({"a":)',
    ],
    [
      'no body',
      'POST',
      cms,
      type,
      '',
      400,
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ],
    [
      'an unknown form',
      'POST',
      cms,
      { 'content-type': 'text/plain' },
      'x',
      415,
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    ],
    [
      'protobuf that is none',
      'POST',
      cms,
      { 'content-type': 'application/vnd.kubernetes.protobuf' },
      'x',
      400,
      'the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (78)',
    ],
    [
      'nothing acceptable',
      'GET',
      cms,
      { accept: 'text/html' },
      '',
      406,
      '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    ],
    [
      'a body over 3 MB',
      'POST',
      cms,
      type,
      'x'.repeat(3 * 1024 * 1024 + 1),
      413,
      'Request entity too large: limit is 3145728',
    ],
    [
      'a duplicate field, strictly',
      'POST',
      `${cms}?fieldValidation=Strict`,
      type,
      '{"metadata":{"name":"d"},"data":{"a":"1","a":"2"}}',
      400,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
    ],
    [
      'YAML that is none: no JSON yet, so nothing about its kind',
      'POST',
      cms,
      { 'content-type': 'application/yaml' },
      'kind: ConfigMap\nmetadata: {name: a\ndata: {}\n',
      400,
      expect.stringMatching(
        /^the object provided is unrecognized \(must be of type ConfigMap\): yaml: line \d: .* \(6b696e643a20436f6e6669674d61700a6d657461646174613a207b6e616d \.\.\.\)$/,
      ),
    ],
  ])('%s', async (_name, method, path, headers, body, status, message) => {
    const answer = await h1(method, path, { headers, ...(method === 'GET' ? {} : { body }) });
    expect([answer.status, json(answer)['message']]).toEqual([status, message]);
    expect(json(answer)).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status });
  });

  const typeMeta =
    'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const unrecognized = 'the object provided is unrecognized (must be of type ConfigMap): ';
  const scheme = 'in scheme "pkg/runtime/scheme.go:111"';
  const unknownVerb = 'the server does not allow this method on the requested resource';
  const unknownPath = 'the server could not find the requested resource';
  const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  test.each<[string, string, string | undefined, number, string | undefined]>([
    ['POST', cms, '[]', 400, `${unrecognized}${typeMeta} (5b5d)`],
    [
      'POST',
      `${cms}?dryRun=All`,
      'null',
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'POST',
      cms,
      '{"kind":1}',
      400,
      `${unrecognized}couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})`,
    ],
    [
      'POST',
      cms,
      '{"apiVersion":"a/b/c"}',
      400,
      `${unrecognized}unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})`,
    ],
    [
      'POST',
      cms,
      '{"kind":"Odd"}',
      400,
      `Odd in version "v1" cannot be handled as a ConfigMap: no kind "Odd" is registered for version "v1" ${scheme}`,
    ],
    [
      'POST',
      cms,
      '{"kind":"Job","apiVersion":"batch/v1"}',
      400,
      'Job in version "v1" cannot be handled as a ConfigMap: converting (v1.Job) to (core.ConfigMap): unknown conversion',
    ],
    [
      'POST',
      `${cms}?dryRun=All`,
      '{"metadata":{"name":"\\ud800"}}',
      422,
      expect.stringContaining('ConfigMap "\ufffd" is invalid'),
    ],
    ['POST', `${cms}?dryRun=All`, '{"metadata":{"name":"new","resourceVersion":"1"}}', 201, undefined],
    [
      'POST',
      `${cms}?dryRun=`,
      '{}',
      422,
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: [""]: supported values: "All"',
    ],
    [
      'POST',
      `${cms}?fieldValidation=strict`,
      '{}',
      422,
      'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"',
    ],
    [
      'POST',
      reviews,
      '{}',
      422,
      expect.stringContaining('exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    ],
    [
      'POST',
      reviews,
      '{"spec":{"nonResourceAttributes":{"path":"/x"},"resourceAttributes":{}}}',
      422,
      expect.stringContaining(
        'Invalid value: {"Path":"/x","Verb":""}: cannot be specified in combination with resourceAttributes',
      ),
    ],
    ['DELETE', `${cms}/nosuch`, 'null', 404, 'configmaps "nosuch" not found'],
    ['DELETE', `${cms}/nosuch`, '[]', 400, typeMeta],
    [
      'DELETE',
      `${cms}/nosuch`,
      '{"kind":"Pod","apiVersion":"v1"}',
      400,
      `no kind "Pod" is registered for version "v1" ${scheme}`,
    ],
    [
      'DELETE',
      `${cms}/nosuch`,
      '{"kind":"DeleteOptions","apiVersion":"policy/v1"}',
      404,
      'configmaps "nosuch" not found',
    ],
    [
      'DELETE',
      `${cms}/nosuch`,
      '{"preconditions":1}',
      400,
      'json: cannot unmarshal number into Go struct field DeleteOptions.preconditions of type v1.Preconditions',
    ],
    ['DELETE', '/api/v1/watch/namespaces/default/configmaps', undefined, 405, unknownVerb],
    ['PUT', `${cms}/x/status/y`, '{}', 404, unknownPath],
    ['GET', '/api/v1/namespaces/default/namespaces', undefined, 404, unknownPath],
    ['GET', `${cms}/%2E%2E`, undefined, 400, 'Name parameter invalid: "..": may not be \'..\''],
    ['GET', `${cms}?limit=`, undefined, 400, 'strconv.ParseInt: parsing "": invalid syntax'],
    [
      'GET',
      `${cms}?limit=9223372036854775808`,
      undefined,
      400,
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    ['GET', '/api/v1/namespaces/default/pods/nosuch/exec', undefined, 404, 'pods "nosuch" not found'],
  ])('%s %s %s gives %d', async (method, path, body, status, message) => {
    const sent = body === undefined ? {} : { body };
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const answer = await h1(method, path, { headers: { ...type, ...length }, ...sent });
    expect([answer.status, json(answer)['message']]).toEqual([status, message]);
  });

  test.each<[string, string]>([
    ['{"kind":"Secret"}', 'converting (v1.Secret) to (core.Namespace): unknown conversion'],
    ['{"apiVersion":"v2"}', `no kind "Namespace" is registered for version "v2" ${scheme}`],
    ['{"metadata":{"uid":"other"}}', 'metadata.uid: Invalid value: "other": field is immutable'],
  ])('a merge patch of %s is refused', async (body, why) => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const answer = await h1('PATCH', '/api/v1/namespaces/default', { headers, body });
    expect([answer.status, json(answer)['message']]).toEqual([422, expect.stringContaining(why)]);
  });

  test('a patch type is no type of other bodies, and resources know no HEAD', async () => {
    const headers = { 'content-type': 'application/merge-patch+json', 'content-length': '2' };
    expect((await h1('POST', cms, { headers, body: '{}' })).status).toBe(415);
    expect((await h1('DELETE', `${cms}/nosuch`, { headers, body: '{}' })).status).toBe(415);
    for (const path of [cms, `${cms}/nosuch`, '/api/v1', '/version']) expect((await h1('HEAD', path)).status).toBe(405);
  });

  test('a body over 3 MB of unknown length, on HTTP/2', async () => {
    const client = session();
    const answer = await h2(client, 'POST', cms, type, 'x'.repeat(3 * 1024 * 1024 + 1));
    expect(answer.status).toBe(413);
    expect((await h2(client, 'GET', cms)).status).toBe(200);
    client.close();
  });

  test('a body cut off stores nothing', async () => {
    const socket = await rawTls();
    socket.write(
      `POST ${cms} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"metadata":{"name":"cut"}}`,
    );
    socket.end();
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await h1('GET', `${cms}/cut`)).status).toBe(404);
  });

  test('unknown fields are warned of by default', async () => {
    const answer = await h1('POST', cms, { headers: type, body: '{"metadata":{"name":"warned"},"spec":{"foo":1}}' });
    expect([answer.status, answer.headers['warning']]).toEqual([201, '299 - "unknown field \\"spec\\""']);
  });

  test.each([
    ['GET', '/nope'],
    ['GET', '/apis/nope.io/v1/things'],
    ['GET', '/apis/own.io/v1/others'],
  ])('%s %s is no path at all', async (method, path) => {
    const definition = {
      metadata: { name: 'things.own.io' },
      spec: {
        group: 'own.io',
        scope: 'Cluster',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const made = await h1('POST', definitions, { headers: type, body: JSON.stringify(definition) });
    expect([201, 409]).toContain(made.status);
    expect((await h1('GET', '/apis/own.io/v1/things')).status).toBe(200);
    const answer = await h1(method, path);
    expect([answer.status, answer.body.toString()]).toEqual([404, '404 page not found\n']);
  });

  const noSuchPath = [404, 'NotFound', 'the server could not find the requested resource'];
  const noSuchMethod = [405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'];
  test.each([
    ['GET', '/api/v1/namespaces/default/nope', noSuchPath],
    ['GET', '/api/v1/namespaces/default/pods/x/nope', noSuchPath],
    ['GET', '/api/v1/pods/x', noSuchPath],
    ['GET', '/api/v2', noSuchPath],
    ['GET', '/apis/coordination.k8s.io/v9/leases', noSuchPath],
    ['POST', '/api/v1/namespaces/default/configmaps/x', noSuchMethod],
    ['POST', '/api/v1/configmaps', noSuchMethod],
    ['PUT', '/api/v1/namespaces/default/pods', noSuchMethod],
    ['PATCH', '/api/v1/namespaces/default/pods', noSuchMethod],
    ['PUT', '/api/v1/nodes', noSuchMethod],
    ['DELETE', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', noSuchMethod],
  ])('%s %s gives %j', async (method, path, [code, reason, message]) => {
    const answer = await h1(method, path);
    expect(answer.status).toBe(code);
    expect(json(answer)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      details: {},
      code,
    });
  });

  test.each([
    ['strategic-merge-patch', '', 'unexpected end of JSON input'],
    ['strategic-merge-patch', 'Ignore', 'unexpected end of JSON input'],
    ['merge-patch', '', 'error decoding patch: unexpected end of JSON input'],
    ['merge-patch', 'Ignore', 'Invalid JSON Patch'],
    ['json-patch', '', 'error decoding patch: unexpected end of JSON input'],
    ['json-patch', 'Ignore', 'unexpected end of JSON input'],
  ])('a %s (validation: %j) that is no JSON is refused: %s', async (kind, validation, message) => {
    await h1('POST', cms, { headers: type, body: '{"metadata":{"name":"unreadable"}}' });
    const answer = await h1('PATCH', `${cms}/unreadable?fieldValidation=${validation}`, {
      headers: { 'content-type': `application/${kind}+json` },
      body: '{"data":',
    });
    expect([answer.status, json(answer)['message']]).toEqual([400, message]);
  });

  test('a patch that is no JSON, of what is not there, finds nothing', async () => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const answer = await h1('PATCH', `${cms}/missing`, { headers, body: '{' });
    expect([answer.status, json(answer)['message']]).toEqual([404, 'configmaps "missing" not found']);
  });

  test.each([
    ['Ignore', 200, undefined, undefined],
    ['Warn', 200, '299 - "json patch unknown field \\"[0].foo\\""', undefined],
    [
      'Strict',
      422,
      undefined,
      /^ "" is invalid: patch: .*: strict decoding error: json patch unknown field "\[0\]\.foo"$/,
    ],
  ])('an unknown field of a JSON patch itself (validation: %s)', async (validation, status, warning, message) => {
    const name = `odd-${validation.toLowerCase()}`;
    await h1('POST', cms, { headers: type, body: JSON.stringify({ metadata: { name } }) });
    const answer = await h1('PATCH', `${cms}/${name}?fieldValidation=${validation}`, {
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"add","path":"/data","value":{"a":"1"},"foo":1}]',
    });
    expect([answer.status, answer.headers['warning']]).toEqual([status, warning]);
    if (message) expect(json(answer)['message']).toMatch(message);
  });

  const configuration = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\n';
  test.each<[string, string, string, number, string | undefined, string | undefined]>([
    ['YAML', `${configuration}data:\n  a: "1"\n`, '', 201, undefined, undefined],
    ['JSON', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"applied"}}', '', 200, undefined, undefined],
    [
      'a key twice',
      `${configuration}data:\n  a: "1"\n  a: "2"\n`,
      'Warn',
      200,
      undefined,
      '299 - "error converting YAML to JSON: yaml: unmarshal errors:   line 6: key \\"a\\" already set in map"',
    ],
    [
      'a key twice',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"applied"},\n"data":{"a":"1","a":"2"}}',
      'Strict',
      400,
      'error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key "a" already set in map',
      undefined,
    ],
    ['a key twice', `${configuration}data:\n  a: "1"\n  a: "2"\n`, 'Ignore', 200, undefined, undefined],
    [
      'text',
      'just text',
      '',
      400,
      'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type map[string]interface {}',
      undefined,
    ],
    ['nothing', '', '', 400, 'invalid object type: /, Kind=', undefined],
  ])('what is applied is %s: %j (validation: %j)', async (_, body, validation, status, message, warning) => {
    const answer = await h1('PATCH', `${cms}/applied?fieldManager=one&fieldValidation=${validation}`, {
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body,
    });
    const told = status < 400 ? undefined : json(answer)['message'];
    expect([answer.status, told, answer.headers['warning']]).toEqual([status, message, warning]);
  });

  test('what is applied and is no YAML is refused', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml; charset=utf-8' };
    const answer = await h1('PATCH', `${cms}/applied?fieldManager=one`, { headers, body: 'a: [' });
    expect(answer.status).toBe(400);
    expect(json(answer)['message']).toMatch(/^error decoding YAML: error converting YAML to JSON: yaml: line 1: /);
  });

  test('owners that are there twice are taken out, with a warning', async () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' };
    const ownerReferences = [owner, { ...owner, name: 'q' }, owner];
    const body = (name: string): string => JSON.stringify({ metadata: { name, ownerReferences } });
    const told = (when: string): string =>
      `299 - ".metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: u1"`;
    const notCollected =
      '299 - "metadata.ownerReferences: accepted but not acted on: there is no garbage collector yet, the object stays when its owners go"';
    const made = await h1('POST', cms, { headers: type, body: body('owned') });
    expect(made.headers['warning']).toBe(`${told('')}, ${notCollected}`);
    expect(json(made)['metadata']).toMatchObject({ ownerReferences: [{ name: 'p' }, { name: 'q' }] });
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patched = await h1('PATCH', `${cms}/owned`, { headers, body: body('owned') });
    expect(patched.headers['warning']).toBe(told(' after mutating admission happens'));
    expect(json(patched)['metadata']).toMatchObject({ ownerReferences: [{ name: 'p' }, { name: 'q' }] });
  });

  test('YAML bodies are read', async () => {
    const answer = await h1('POST', cms, {
      headers: { 'content-type': 'application/yaml' },
      body: 'metadata: {name: yaml}\ndata:\n  a: "1"\n',
    });
    expect([answer.status, json(answer)['data']]).toEqual([201, { a: '1' }]);
  });
});
