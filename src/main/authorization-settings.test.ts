// Who decides what may be done: configuration files and flags, and an API server that asks a real webhook over HTTPS.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { isApiError } from '../api/meta/errors.ts';
import { startTestServer, type TestServer, verbs } from '../apiserver/test-server.ts';
import type { AuthenticationFlags } from '../cli/authentication-options.ts';
import { hostFiles } from '../host/files.ts';
import { ensurePki } from '../host/pki.ts';
import { realClock } from '../host/real-clock.ts';
import { realRandom } from '../host/real-random.ts';
import { silentLogger } from '../lib/logger.ts';
import { createMemoryFiles } from '../sim/memory-files.ts';
import { parseAuthorizationConfig } from './authorization-config.ts';
import { authorizationSettings } from './authorization-settings.ts';
import { noFlags } from './testing/no-flags.ts';
import { watchConfig } from './watched-config.ts';

const dir = await mkdtemp(join(tmpdir(), 'peapod-authz-'));
const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
afterAll(() => rm(dir, { recursive: true }));

interface Review {
  apiVersion: string;
  spec: {
    user: string;
    groups?: string[];
    group?: string[];
    resourceAttributes?: Record<string, unknown>;
    nonResourceAttributes?: { path: string; verb: string };
  };
}

let webhook: Server;
let asked: (Review & { token: string | undefined; client: string | undefined })[];
/** What the webhook says of a review. */
let verdict: (review: Review) => object;
/** How it answers otherwise; undefined for a verdict. */
let misbehave: ((answer: ServerResponse) => void) | undefined;
let kubeconfig: string;

async function writeKubeconfig(name: string, cluster: object = {}, user: object = {}): Promise<string> {
  const path = join(dir, name);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { cert, key } = await pki.issueClientCert('peapod', []);
  const server = `https://127.0.0.1:${(webhook.address() as AddressInfo).port}/authorize`;
  const text = JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': base64(pki.ca), ...cluster } }],
    users: [
      {
        name: 'u',
        user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key), token: 'secret', ...user },
      },
    ],
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

beforeAll(async () => {
  const serving = await pki.issueServingCert({ commonName: 'authorizer', hosts: ['127.0.0.1'] });
  webhook = createServer({ ...serving, requestCert: true, ca: pki.ca }, (request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Review;
      const client = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
      asked.push({ ...review, token: request.headers.authorization, client: String(client) });
      if (misbehave !== undefined) return misbehave(answer);
      answer.setHeader('content-type', 'application/json');
      answer.end(
        JSON.stringify({ kind: 'SubjectAccessReview', apiVersion: review.apiVersion, status: verdict(review) }),
      );
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  kubeconfig = await writeKubeconfig('kubeconfig');
});
afterAll(() => {
  webhook.closeAllConnections();
  webhook.close();
});
beforeEach(() => {
  asked = [];
  verdict = () => ({ allowed: false });
  misbehave = undefined;
});

const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n';
const hook = (more = '', path = kubeconfig, name = 'hook'): string => `- type: Webhook
  name: ${name}
  webhook:
    timeout: 5s
    subjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: ${path}}
${more.replaceAll(/^(?=.)/gm, '    ')}
`;
const rbac = '- {type: RBAC, name: rbac}\n';
const config = (...authorizers: string[]): string => `${head}authorizers:\n${authorizers.join('')}`;

describe('a server that asks a webhook', () => {
  let t: TestServer | undefined;
  afterEach(async () => {
    await t?.server.close();
    t = undefined;
  });

  async function start(text: string) {
    const configured = await parseAuthorizationConfig(text);
    const started = await startTestServer(realClock, realRandom, { authorization: () => configured });
    t = started;
    const as = (name: string, ...groups: string[]) =>
      verbs(started.server.inProcess({ name, groups: [...groups, 'system:authenticated'] }));
    const outcome = async (request: Promise<unknown>): Promise<string> => {
      try {
        await request;
        return 'ok';
      } catch (error) {
        return isApiError(error) ? `${error.code} ${error.message}` : String(error);
      }
    };
    const admin = verbs(started.admin);
    const allow = (user: string, verb: string, resource: string) =>
      Promise.all([
        admin.post('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
          metadata: { name: user },
          rules: [{ apiGroups: [''], resources: [resource], verbs: [verb] }],
        }),
        admin.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
          metadata: { name: user },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
          subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
        }),
      ]);
    return { as, outcome, allow, admin, started };
  }
  const secrets = '/api/v1/namespaces/default/secrets';

  test('its yes is enough, is kept, and is asked for as whom the kubeconfig says', async () => {
    verdict = ({ spec }) => ({ allowed: spec.user === 'jane' });
    const { as, outcome } = await start(config(hook(), rbac));
    const list = () => as('jane', 'dev').get(secrets, { fieldSelector: 'type!=x', labelSelector: 'a in (b,c),!d' });
    expect(await outcome(list())).toBe('ok');
    expect(await outcome(list())).toBe('ok');
    expect(asked).toEqual([
      {
        kind: 'SubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        metadata: {},
        spec: {
          user: 'jane',
          groups: ['dev', 'system:authenticated'],
          resourceAttributes: {
            verb: 'list',
            version: 'v1',
            resource: 'secrets',
            namespace: 'default',
            fieldSelector: { requirements: [{ key: 'type', operator: 'NotIn', values: ['x'] }] },
            labelSelector: {
              requirements: [
                { key: 'a', operator: 'In', values: ['b', 'c'] },
                { key: 'd', operator: 'DoesNotExist' },
              ],
            },
          },
        },
        status: { allowed: false },
        token: 'Bearer secret',
        client: 'peapod',
      },
    ]);
  });

  test('where it has no opinion the next is asked; where it is against it nobody is', async () => {
    const { as, outcome, allow } = await start(config(hook(), rbac));
    await allow('jane', 'list', 'secrets');
    await allow('bob', 'list', 'secrets');
    verdict = ({ spec }) => (spec.user === 'bob' ? { allowed: false, denied: true, reason: 'not bob' } : {});
    expect(await outcome(as('jane').get(secrets))).toBe('ok');
    const denied =
      '403 secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "default": not bob';
    expect(await outcome(as('bob').get(secrets))).toBe(denied);
    expect(await outcome(as('bob').get(secrets))).toBe(denied);
    expect(asked.filter(({ spec }) => spec.user === 'bob')).toHaveLength(1);
  });

  test('administrators and this server itself are never kept out', async () => {
    verdict = () => ({ allowed: false, denied: true });
    const { outcome, admin } = await start(config(hook()));
    expect(await outcome(admin.get(secrets))).toBe('ok');
    expect(asked).toEqual([]);
  });

  test('nothing is kept where nothing is to be', async () => {
    verdict = () => ({ allowed: true });
    const { as, outcome } = await start(config(hook('cacheAuthorizedRequests: false'), rbac));
    for (let i = 0; i < 3; i++) expect(await outcome(as('jane').get(secrets))).toBe('ok');
    expect(asked).toHaveLength(3);
  });

  test('it is asked for what its conditions cover', async () => {
    verdict = () => ({ allowed: true });
    const conditions = `matchConditionSubjectAccessReviewVersion: v1
matchConditions:
- expression: has(request.resourceAttributes) && request.resourceAttributes.namespace == "default"
- expression: '!("system:serviceaccounts" in request.groups)'`;
    const { as, outcome } = await start(config(hook(conditions), rbac));
    expect(await outcome(as('jane').get(secrets))).toBe('ok');
    expect(await outcome(as('jane').get('/api/v1/namespaces/other/secrets'))).toContain('403');
    expect(await outcome(as('jane', 'system:serviceaccounts').get(secrets))).toContain('403');
    expect(asked).toHaveLength(1);
  });

  test('a condition that fails counts as the webhook failing', async () => {
    verdict = () => ({ allowed: true });
    const conditions = `matchConditionSubjectAccessReviewVersion: v1
matchConditions:
- expression: request.extra["x"][0] == "y"`;
    const { as, outcome } = await start(config(hook(conditions), rbac));
    expect(await outcome(as('jane').get(secrets))).toContain('500');
    expect(asked).toEqual([]);
  });

  test.each<[string, (answer: ServerResponse) => void, string]>([
    ['refuses', (answer) => answer.writeHead(403).end(), 'answered with the status code 403'],
    ['leads elsewhere', (answer) => answer.writeHead(307, { location: '/other' }).end(), 'status code 307'],
    ['speaks no JSON', (answer) => answer.end('<html>'), 'is not valid JSON'],
    ['answers another question', (answer) => answer.end('{"kind":"Status"}'), 'did not answer with'],
    [
      'contradicts itself',
      (answer) =>
        answer.end(
          '{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true,"denied":true}}',
        ),
      'webhook subject access review returned both allow and deny response',
    ],
    ['says too much', (answer) => answer.end(`"${'x'.repeat(2 * 1024 * 1024)}"`), 'the answer is larger than'],
    ['hangs up', (answer) => answer.destroy(), 'EOF'],
  ])('one that %s lets nobody in, not even by roles that come after it', async (_, behaviour, message) => {
    const { as, outcome, allow } = await start(config(hook(), rbac));
    await allow('jane', 'list', 'secrets');
    misbehave = behaviour;
    expect(await outcome(as('jane').get(secrets))).toMatch(/^500 /);
    expect(await outcome(as('jane').get(secrets))).toContain(message);
  });

  test('without an opinion on failure, roles decide', async () => {
    const { as, outcome, allow } = await start(
      config(hook().replace('failurePolicy: Deny', 'failurePolicy: NoOpinion'), rbac),
    );
    await allow('jane', 'list', 'secrets');
    misbehave = (answer) => answer.writeHead(400).end();
    expect(await outcome(as('jane').get(secrets))).toBe('ok');
    expect(await outcome(as('bob').get(secrets))).toContain('500');
  });

  test('it has its time, and no more', async () => {
    const { as, outcome } = await start(config(hook().replace('timeout: 5s', 'timeout: 200ms'), rbac));
    misbehave = () => {};
    expect(await outcome(as('jane').get(secrets))).toContain('context deadline exceeded');
  });

  test('a failure that passes is asked again', async () => {
    const { as, outcome } = await start(config(hook(), rbac));
    verdict = () => ({ allowed: true });
    misbehave = (answer) => {
      misbehave = undefined;
      answer.writeHead(500).end();
    };
    expect(await outcome(as('jane').get(secrets))).toBe('ok');
    expect(asked).toHaveLength(2);
  });

  test('nobody is believed whose certificate is not vouched for', async () => {
    const path = await writeKubeconfig('other-ca', {
      'certificate-authority-data': Buffer.from(pki.frontProxy.ca).toString('base64'),
    });
    verdict = () => ({ allowed: true });
    const { as, outcome } = await start(config(hook('', path), rbac));
    expect(await outcome(as('jane').get(secrets))).toContain('certificate signed by unknown authority');
    expect(asked).toEqual([]);
  });

  test('v1beta1 calls groups a group, and knows no selectors', async () => {
    verdict = () => ({ allowed: true });
    const text = config(hook().replace('subjectAccessReviewVersion: v1', 'subjectAccessReviewVersion: v1beta1'));
    const { as, outcome } = await start(text);
    expect(await outcome(as('jane').get(secrets, { labelSelector: 'a=b' }))).toBe('ok');
    expect(asked[0]?.spec).toEqual({
      user: 'jane',
      group: ['system:authenticated'],
      resourceAttributes: { verb: 'list', version: 'v1', resource: 'secrets', namespace: 'default' },
    });
  });

  test('policies in admission wait for it', async () => {
    verdict = ({ spec }) => ({ allowed: spec.user === 'jane' && spec.resourceAttributes?.['name'] !== 'b' });
    const { admin, as, outcome } = await start(config(hook('cacheAuthorizedRequests: false'), rbac));
    const group = '/apis/admissionregistration.k8s.io/v1';
    const may = `authorizer.group("").resource("secrets").namespace("default").name(k).check("get").allowed()`;
    await admin.post(`${group}/validatingadmissionpolicies`, {
      metadata: { name: 'p' },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        },
        validations: [{ expression: `object.data.all(k, ${may})`, message: 'may not see that secret' }],
      },
    });
    await admin.post(`${group}/validatingadmissionpolicybindings`, {
      metadata: { name: 'p' },
      spec: { policyName: 'p', validationActions: ['Deny'] },
    });
    const make = (name: string, ...keys: string[]) =>
      outcome(
        as('jane').post('/api/v1/namespaces/default/configmaps', {
          metadata: { name },
          data: Object.fromEntries(keys.map((key) => [key, ''])),
        }),
      );
    await eventually('the policy', async () => (await make('other', 'b')).includes('may not see that secret'));
    asked = [];
    expect(await make('good', 'a', 'c')).toBe('ok');
    expect(asked.map(({ spec }) => spec.resourceAttributes?.['name'])).toEqual(
      expect.arrayContaining([undefined, 'a', 'c']),
    );
    expect(asked).toHaveLength(3);
    expect(await make('bad', 'a', 'b', 'c')).toContain('may not see that secret');
  });

  test('reviews and rights to act as others ask it, too', async () => {
    verdict = ({ spec }) => ({
      allowed: spec.user === 'jane' && spec.resourceAttributes?.['verb'] !== 'delete',
      denied: spec.resourceAttributes?.['verb'] === 'delete',
      reason: 'said so',
    });
    const { admin, as } = await start(config(hook(), rbac));
    const review = async (resourceAttributes: object, user = 'jane') =>
      (
        (await admin.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
          spec: { user, resourceAttributes },
        })) as { status?: object }
      ).status;
    expect(await review({ verb: 'get', resource: 'pods' })).toEqual({ allowed: true, reason: 'said so' });
    expect(await review({ verb: 'delete', resource: 'pods' })).toEqual({
      allowed: false,
      denied: true,
      reason: 'said so',
    });
    const rules = (await as('jane').post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      spec: { namespace: 'default' },
    })) as { status?: object };
    expect(rules.status).toMatchObject({
      incomplete: true,
      evaluationError: 'webhook authorizer does not support user rule resolution',
    });
  });
});

describe('a configuration', () => {
  test('names authorizers in their order; a webhook more than once', async () => {
    const found = await parseAuthorizationConfig(
      config(
        '- {type: Node, name: node}\n',
        hook('', kubeconfig, 'a'),
        rbac,
        hook('authorizedTTL: 1m', kubeconfig, 'b'),
      ),
    );
    expect(found.map((one) => (typeof one === 'object' ? one.name : one))).toEqual(['Node', 'a', 'RBAC', 'b']);
    expect(found[1]).toMatchObject({ authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000, timeoutMs: 5000 });
    expect(found[3]).toMatchObject({ authorizedTtlMs: 60_000 });
  });

  test.each<[string, () => string, string]>([
    ['nobody', () => `${head}authorizers: []`, 'authorizers: Required value: at least one authorization mode must be'],
    ['no type', () => config('- {name: x}\n'), 'authorizers[0].type: Required value'],
    [
      'an unknown type',
      () => config('- {type: Magic, name: x}\n'),
      'authorizers[0].type: Unsupported value: "Magic": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
    ],
    ['RBAC twice', () => config(rbac, rbac), 'authorizers[1].type: Duplicate value: "RBAC"'],
    ['no name', () => config('- {type: RBAC}\n'), 'authorizers[0].name: Required value'],
    [
      'a name twice',
      () => config(rbac, '- {type: Node, name: rbac}\n'),
      'authorizers[1].name: Duplicate value: "rbac"',
    ],
    ['a bad name', () => config('- {type: RBAC, name: A_b}\n'), 'authorizer name is invalid: a lowercase RFC 1123'],
    [
      'a webhook without words',
      () => config('- {type: Webhook, name: x}\n'),
      'authorizers[0].webhook: Required value: required when type=Webhook',
    ],
    [
      'words for no webhook',
      () => config('- {type: RBAC, name: x, webhook: {}}\n'),
      'authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook',
    ],
    [
      'an empty webhook',
      () => config('- {type: Webhook, name: x, webhook: {}}\n'),
      '[authorizers[0].timeout: Required value, authorizers[0].subjectAccessReviewVersion: Required value, authorizers[0].failurePolicy: Required value, authorizers[0].connectionInfo.type: Required value]',
    ],
    ['too much time', () => config(hook().replace('5s', '31s')), 'Invalid value: "31s": must be > 0s and <= 30s'],
    [
      'a time before now',
      () => config(hook('authorizedTTL: -1s')),
      'authorizedTTL: Invalid value: "-1s": must be > 0s',
    ],
    [
      'an unknown policy',
      () => config(hook().replace(': Deny', ': Allow')),
      'failurePolicy: Unsupported value: "Allow": supported values: "NoOpinion", "Deny"',
    ],
    [
      'a relative path',
      () => config(hook('', 'x.yaml')),
      'connectionInfo.kubeConfigFile: Invalid value: "x.yaml": must be an absolute path',
    ],
    ['no such file', () => config(hook('', '/nowhere/x')), 'error loading file: ENOENT'],
    ['a folder', () => config(hook('', '/')), 'must be a regular file'],
    [
      'conditions on nothing',
      () => config(hook('matchConditions: [{expression: "true"}]')),
      'matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified',
    ],
    [
      'a condition that does not compile',
      () => config(hook('matchConditionSubjectAccessReviewVersion: v1\nmatchConditions: [{expression: request.me}]')),
      'authorizers[0].matchConditions[0].expression: Invalid value: "request.me": compilation failed: ERROR: <input>:1:8: undefined field \'me\'',
    ],
    [
      'a condition of another type',
      () => config(hook('matchConditionSubjectAccessReviewVersion: v1\nmatchConditions: [{expression: request.user}]')),
      'must evaluate to bool but got string',
    ],
    ['ABAC', () => config('- {type: ABAC, name: x}\n'), 'ABAC is not built into Peapod'],
    ['an unknown field', () => config(hook('retries: 3')), 'unknown field "authorizers[0].webhook.retries"'],
  ])('%s is refused', async (_, text, message) => {
    await expect(parseAuthorizationConfig(text())).rejects.toThrow(message);
  });

  test.each<[string, object, object, string]>([
    ['plain HTTP', { server: 'http://127.0.0.1' }, {}, 'must be a URL with https'],
    ['a command', {}, { exec: { command: 'sh' } }, 'user.exec: is not built into Peapod'],
    [
      'half a certificate',
      {},
      { 'client-key-data': '' },
      'client-certificate and client-key must be specified together',
    ],
    ['both trust and none', { 'insecure-skip-tls-verify': true }, {}, 'with the insecure flag is not allowed'],
  ])('a kubeconfig with %s is refused', async (_, cluster, user, message) => {
    const path = await writeKubeconfig('wrong', cluster, user);
    await expect(parseAuthorizationConfig(config(hook('', path)))).rejects.toThrow(message);
  });
});

const flags = (more: Partial<AuthenticationFlags>): AuthenticationFlags => ({ ...noFlags, ...more });

test('flags describe one webhook', async () => {
  const { authorization } = await authorizationSettings(
    flags({ authorizationMode: ['Node', 'Webhook'], authorizationWebhookConfigFile: kubeconfig }),
  );
  expect(authorization()).toEqual([
    'Node',
    {
      type: 'Webhook',
      name: 'default',
      version: 'v1beta1',
      authorizedTtlMs: 300_000,
      unauthorizedTtlMs: 30_000,
      timeoutMs: 30_000,
      failurePolicy: 'NoOpinion',
      post: expect.any(Function) as unknown,
    },
  ]);
});

test('a file that changes counts as it is now, and what was answered before is forgotten', async () => {
  const path = join(dir, 'changing.yaml');
  await writeFile(path, config(hook(), rbac));
  const { authorization, watched } = await authorizationSettings(flags({ authorizationConfig: path }));
  const ending = new AbortController();
  for (const one of watched)
    watchConfig(one, { files: hostFiles, clock: realClock, logger: silentLogger, signal: ending.signal });
  const { server } = await startTestServer(realClock, realRandom, { authorization });
  try {
    verdict = () => ({ allowed: true });
    const jane = verbs(server.inProcess({ name: 'jane', groups: ['system:authenticated'] }));
    await jane.get('/api/v1/secrets');
    await writeFile(path, config(rbac));
    await eventually('another configuration', () => authorization().length === 1);
    await expect(jane.get('/api/v1/secrets')).rejects.toThrow('forbidden');
    await writeFile(path, config(hook(), rbac));
    await eventually('the first configuration', () => authorization().length === 2);
    await jane.get('/api/v1/secrets');
    expect(asked).toHaveLength(2);
  } finally {
    ending.abort();
    await server.close();
  }
});
