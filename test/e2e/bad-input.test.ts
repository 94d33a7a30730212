// Bad input gets the code and message that Kubernetes gives, and changes nothing.
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RawApi, type RawResponse, rawApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type Peapod, startPeapod } from '../support/peapod.ts';

let peapod: Peapod;
let api: RawApi;

beforeAll(async () => {
  peapod = await startPeapod({ runtime: 'simulated' });
  api = rawApi(peapod.dataDir);
});
afterAll(async () => {
  api?.close();
  await peapod?.dispose();
});

const pods = '/api/v1/namespaces/default/pods';
const pod = (
  name: string,
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'c', image: 'busybox' }], ...spec },
});

interface Failure {
  kind: string;
  status: string;
  code: number;
  reason: string;
  message: string;
  details?: { causes?: { field: string; message: string; reason: string }[] };
}

function expectFailure(response: RawResponse, code: number, reason: string, message: string | RegExp): Failure {
  const status = response.json<Failure>();
  expect({
    http: response.status,
    kind: status.kind,
    status: status.status,
    code: status.code,
    reason: status.reason,
  }).toEqual({ http: code, kind: 'Status', status: 'Failure', code, reason });
  if (typeof message === 'string') expect(status.message).toBe(message);
  else expect(status.message).toMatch(message);
  return status;
}

async function podNames(): Promise<string[]> {
  const list = (await api.request('GET', pods)).json<{ items: { metadata: { name: string } }[] }>();
  return list.items.map((item) => item.metadata.name);
}

describe('bodies', () => {
  test('malformed JSON', async () => {
    expectFailure(
      await api.request('POST', pods, { body: '{"apiVersion": "v1", ' }),
      400,
      'BadRequest',
      /unexpected end of JSON input|invalid character|EOF/,
    );
    expect(await podNames()).toEqual([]);
  });

  test('malformed YAML', async () => {
    expectFailure(
      await api.request('POST', pods, { body: 'apiVersion: v1\nkind: [unclosed', contentType: 'application/yaml' }),
      400,
      'BadRequest',
      /yaml/i,
    );
    expect(await podNames()).toEqual([]);
  });

  test('malformed YAML through kubectl names the file and line', async () => {
    const result = await peapod.tryKubectl(['apply', '-f', '-'], {
      input: 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n bad: y\n',
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /error parsing STDIN: error converting YAML to JSON: yaml: line \d+: did not find expected key/,
    );
  });

  test('a wrong type', async () => {
    expectFailure(
      await api.request('POST', pods, { body: pod('typed', { containers: 'none' }) }),
      400,
      'BadRequest',
      /^Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec\.spec\.containers of type \[\]v1\.Container$/,
    );
    expect(await podNames()).toEqual([]);
  });

  test('another kind than the URL serves', async () => {
    expectFailure(
      await api.request('POST', pods, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } } }),
      400,
      'BadRequest',
      /ConfigMap in version "v1" cannot be handled as a Pod/,
    );
  });

  test('an unknown media type', async () => {
    expectFailure(
      await api.request('POST', pods, { body: 'x', contentType: 'text/csv' }),
      415,
      'UnsupportedMediaType',
      /the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml/,
    );
  });

  test('more than 3 MB', async () => {
    const annotations = { big: 'x'.repeat(3 * 1024 * 1024 + 1) };
    expectFailure(
      await api.request('POST', pods, { body: pod('big', {}, { annotations }) }),
      413,
      'RequestEntityTooLarge',
      /limit is 3145728/,
    );
    expect(await podNames()).toEqual([]);
  });

  test('a body that is cut off changes nothing', async () => {
    const body = JSON.stringify(pod('cut'));
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: api.server.hostname, port: Number(api.server.port), ...api.tls }, () => {
        socket.write(
          `POST ${pods} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -10)}`,
          () => socket.destroy(),
        );
      });
      socket.on('close', () => resolve());
      socket.on('error', reject);
    });
    expect((await api.request('GET', '/healthz')).status).toBe(200);
    expect(await podNames()).toEqual([]);
  });
});

describe('unknown and duplicate fields', () => {
  const odd = (name: string): Record<string, unknown> =>
    pod(name, {
      containers: [{ name: 'c', image: 'busybox', imagePullPolicie: 'Never' }],
      shareProcessNamespaces: true,
    });

  test('Strict refuses them all at once', async () => {
    const failure = expectFailure(
      await api.request('POST', `${pods}?fieldValidation=Strict`, { body: odd('strict') }),
      400,
      'BadRequest',
      /strict decoding error/,
    );
    expect(failure.message).toContain('unknown field "spec.containers[0].imagePullPolicie"');
    expect(failure.message).toContain('unknown field "spec.shareProcessNamespaces"');
    expect(await podNames()).toEqual([]);
  });

  test('Warn names each in a warning header and drops it', async () => {
    const response = await api.request('POST', `${pods}?fieldValidation=Warn&dryRun=All`, { body: odd('warn') });
    expect(response.status).toBe(201);
    const warnings = String(response.headers['warning']);
    expect(warnings).toContain('299 - "unknown field \\"spec.containers[0].imagePullPolicie\\""');
    expect(warnings).toContain('unknown field \\"spec.shareProcessNamespaces\\"');
    expect(response.text).not.toContain('imagePullPolicie"');
  });

  test('Ignore says nothing', async () => {
    const response = await api.request('POST', `${pods}?fieldValidation=Ignore&dryRun=All`, { body: odd('ignore') });
    expect(response.status).toBe(201);
    expect(response.headers['warning'] ?? '').not.toContain('unknown field');
  });

  test('duplicates are named', async () => {
    const body =
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"d","name":"e"},"spec":{"containers":[{"name":"c","image":"i","image":"j"}]}}';
    expectFailure(
      await api.request('POST', `${pods}?fieldValidation=Strict`, { body }),
      400,
      'BadRequest',
      /duplicate field "metadata\.name".*duplicate field "spec\.containers\[0\]\.image"/,
    );
  });

  test('another mode than those three', async () => {
    const failure = await api.request('POST', `${pods}?fieldValidation=Maybe`, { body: pod('m') });
    expect(failure.status).toBe(422);
    expect(failure.text).toContain('fieldValidation');
  });
});

describe('values', () => {
  test('an invalid name', async () => {
    expectFailure(
      await api.request('POST', pods, { body: pod('Not_A_Name') }),
      422,
      'Invalid',
      /^Pod "Not_A_Name" is invalid: metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '\.', and must start and end with an alphanumeric character/,
    );
  });

  test('duplicate container and port names, negative quantities, several at once', async () => {
    const failure = expectFailure(
      await api.request('POST', pods, {
        body: pod('dup', {
          containers: [
            {
              name: 'c',
              image: 'i',
              ports: [
                { name: 'http', containerPort: 80 },
                { name: 'http', containerPort: 81 },
              ],
              resources: { requests: { memory: '-1Mi' } },
            },
            { name: 'c', image: 'i' },
          ],
        }),
      }),
      422,
      'Invalid',
      /^Pod "dup" is invalid: \[/,
    );
    const causes = failure.details?.causes?.map((cause) => `${cause.field}: ${cause.message}`) ?? [];
    expect(causes).toContain('spec.containers[0].ports[1].name: Duplicate value: "http"');
    expect(causes).toContain('spec.containers[1].name: Duplicate value: "c"');
    expect(
      causes.some((cause) =>
        /^spec\.containers\[0\]\.resources\.requests\[memory\]: Invalid value: "-1Mi": must be greater than or equal to 0$/.test(
          cause,
        ),
      ),
    ).toBe(true);
    expect(await podNames()).toEqual([]);
  });

  test('no containers', async () => {
    expectFailure(
      await api.request('POST', pods, { body: pod('none', { containers: [] }) }),
      422,
      'Invalid',
      'Pod "none" is invalid: spec.containers: Required value',
    );
  });

  test('a missing namespace', async () => {
    expectFailure(
      await api.request('POST', '/api/v1/namespaces/nowhere/pods', { body: pod('lost') }),
      404,
      'NotFound',
      'namespaces "nowhere" not found',
    );
  });

  test('a selector that does not parse, and one on a label that does not exist', async () => {
    expectFailure(
      await api.request('GET', `${pods}?labelSelector=${encodeURIComponent('a=b=c')}`),
      400,
      'BadRequest',
      /unable to parse requirement|found '=', expected/,
    );
    expectFailure(
      await api.request('GET', `${pods}?fieldSelector=spec.color%3Dred`),
      400,
      'BadRequest',
      /field label not supported: spec\.color/,
    );
  });

  test('an unknown path and an unknown method', async () => {
    expect((await api.request('GET', '/api/v1/namespaces/default/podz')).status).toBe(404);
    expect((await api.request('PUT', pods, { body: pod('x') })).status).toBe(405);
  });
});

describe('changes of what exists', () => {
  beforeAll(async () => {
    expect((await api.request('POST', pods, { body: pod('fixed', { nodeSelector: { no: 'where' } }) })).status).toBe(
      201,
    );
  });

  test('creating it twice', async () => {
    expectFailure(
      await api.request('POST', pods, { body: pod('fixed') }),
      409,
      'AlreadyExists',
      'pods "fixed" already exists',
    );
  });

  test('an immutable field', async () => {
    const patch = { spec: { hostname: 'other' } };
    expectFailure(
      await api.request('PATCH', `${pods}/fixed`, { body: patch, contentType: 'application/merge-patch+json' }),
      422,
      'Invalid',
      /^Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,`spec\.initContainers\[\*\]\.image`,`spec\.activeDeadlineSeconds`,`spec\.tolerations` \(only additions to existing tolerations\),`spec\.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)/,
    );
  });

  test('an old resourceVersion', async () => {
    const object = (await api.request('GET', `${pods}/fixed`)).json<{
      metadata: { resourceVersion: string; labels?: Record<string, string> };
    }>();
    const first = await api.request('PUT', `${pods}/fixed`, {
      body: { ...object, metadata: { ...object.metadata, labels: { turn: 'one' } } },
    });
    expect(first.status).toBe(200);
    expectFailure(
      await api.request('PUT', `${pods}/fixed`, {
        body: { ...object, metadata: { ...object.metadata, labels: { turn: 'two' } } },
      }),
      409,
      'Conflict',
      'Operation cannot be fulfilled on pods "fixed": the object has been modified; please apply your changes to the latest version and try again',
    );
    const now = (await api.request('GET', `${pods}/fixed`)).json<{ metadata: { labels: Record<string, string> } }>();
    expect(now.metadata.labels).toEqual({ turn: 'one' });
  });

  test('a name that is not the name of the URL', async () => {
    expectFailure(
      await api.request('PUT', `${pods}/fixed`, { body: pod('other') }),
      400,
      'BadRequest',
      'the name of the object (other) does not match the name on the URL (fixed)',
    );
  });

  test('patches that cannot be applied', async () => {
    const json = 'application/json-patch+json';
    expect(
      (
        await api.request('PATCH', `${pods}/fixed`, {
          body: [{ op: 'test', path: '/metadata/name', value: 'else' }],
          contentType: json,
        })
      ).status,
    ).toBe(422);
    expect(
      (
        await api.request('PATCH', `${pods}/fixed`, {
          body: [{ op: 'remove', path: '/metadata/nothing' }],
          contentType: json,
        })
      ).status,
    ).toBe(422);
    expect((await api.request('PATCH', `${pods}/fixed`, { body: '{"op": "add"', contentType: json })).status).toBe(400);
  });

  test('deleted while it is patched: every patch ends in a success before or NotFound after, never in a resurrection', async () => {
    expect((await api.request('POST', pods, { body: pod('fleeting', { nodeSelector: { no: 'where' } }) })).status).toBe(
      201,
    );
    const patches = Array.from({ length: 40 }, (_, i) =>
      api.request('PATCH', `${pods}/fleeting`, {
        body: { metadata: { labels: { turn: `n${i}` } } },
        contentType: 'application/merge-patch+json',
      }),
    );
    const deletion = api.request('DELETE', `${pods}/fleeting`);
    const codes = new Set((await Promise.all(patches)).map((response) => response.status));
    expect((await deletion).status).toBe(200);
    for (const code of codes) expect([200, 404, 409]).toContain(code);
    expect((await api.request('GET', `${pods}/fleeting`)).status).toBe(404);
  });
});

test('a client certificate is needed for all but health and version', async () => {
  const { request } = await import('node:https');
  const anonymous = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      request(new URL(path, api.server), { ca: api.tls.ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  expect(await anonymous('/healthz')).toBe(200);
  expect(await anonymous('/version')).toBe(200);
  expect(await anonymous('/api/v1/pods')).toBe(401);
  expect(await anonymous('/apis')).toBe(401);
});

test('1,000 idle connections leave the API as quick as before', async () => {
  const sockets = Array.from({ length: 1000 }, () =>
    connect({ host: api.server.hostname, port: Number(api.server.port), ca: api.tls.ca }),
  );
  try {
    for (const socket of sockets) socket.on('error', () => {});
    await eventually(
      'all are connected',
      () => sockets.every((socket) => socket.authorized || socket.destroyed),
      60_000,
    );
    const response = await api.request('GET', pods, { timeoutMs: 5_000 });
    expect(response.status).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});
