// What /metrics tells of admission: plugins, steps, and webhooks, which are real HTTPS servers.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWebhookServer, type WebhookServer } from '../../../test/support/webhook-server.ts';
import { ensurePki, type Pki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createRegistry } from '../../lib/metrics-registry.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { configMap, outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

const registry = createRegistry();
let pki: Pki;
let hooks: WebhookServer;
let t: TestServer;
let admin: ReturnType<typeof verbs>;
const cms = '/api/v1/namespaces/default/configmaps';

beforeAll(async () => {
  pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  hooks = await startWebhookServer(pki.apiserver);
  t = await startTestServer(realClock, realRandom, { metrics: registry });
  admin = verbs(t.admin);
});
afterAll(async () => {
  await hooks.close();
  await t.server.close();
});

/** The series of a family without times: those of histograms by their counts. */
function series(name: string): string[] {
  const lines = registry.text().split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name}_count{`));
}

const register = (kind: 'Mutating' | 'Validating', path: string, more: object = {}): Promise<unknown> =>
  admin.post(`/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`, {
    metadata: { name: path.slice(1) },
    webhooks: [
      {
        name: `${path.slice(1)}.example.com`,
        clientConfig: {
          url: `https://127.0.0.1:${hooks.port}${path}`,
          caBundle: Buffer.from(pki.ca).toString('base64'),
        },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        objectSelector: { matchLabels: { hook: path.slice(1) } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        ...more,
      },
    ],
  });
const make = (name: string, hook: string): Promise<string> =>
  outcome(admin.post(cms, configMap('x', { metadata: { name, labels: { hook } } })));

test('steps and plugins, by what they said', async () => {
  const deletes = 'operation="DELETE",rejected="false",type="validate"';
  expect(await outcome(admin.post('/api/v1/namespaces/none/configmaps', configMap('x')))).toMatch(/^404/);
  expect(await make('plain', 'none')).toBe('ok');
  await admin.del(`${cms}/plain`);
  const steps = series('apiserver_admission_step_admission_duration_seconds');
  const refused = 'operation="CREATE",rejected="true",type="admit"';
  expect(steps).toContain(`apiserver_admission_step_admission_duration_seconds_count{${refused}} 1`);
  expect(steps.some((line) => line.includes(`{${deletes}} `))).toBe(true);
  const plugins = series('apiserver_admission_controller_admission_duration_seconds');
  const name = 'apiserver_admission_controller_admission_duration_seconds_count';
  expect(plugins).toContain(`${name}{name="NamespaceLifecycle",${refused}} 1`);
  expect(plugins.filter((line) => line.includes('rejected="true"'))).toHaveLength(1);
  expect(
    plugins.some((line) => line.includes('name="ResourceQuota",operation="CREATE",rejected="false",type="validate"')),
  ).toBe(true);
});

test('webhooks: those that allow, deny, fail closed and fail open', async () => {
  hooks.on('/deny', () => ({ allowed: false, status: { code: 1234, message: 'no' } }));
  hooks.on('/broken', () => ({ raw: 'busy', status: 500, headers: { 'content-type': 'text/plain' } }));
  hooks.on('/open', () => ({ raw: 'nonsense' }));
  await register('Mutating', '/allow');
  await register('Validating', '/deny');
  await register('Mutating', '/broken');
  await register('Validating', '/open', { failurePolicy: 'Ignore' });
  for (const hook of ['allow', 'deny', 'broken', 'open']) await make(hook, hook);
  expect(series('apiserver_admission_webhook_request_total')).toEqual([
    'apiserver_admission_webhook_request_total{code="200",name="allow.example.com",operation="CREATE",rejected="false",type="admit"} 1',
    'apiserver_admission_webhook_request_total{code="500",name="broken.example.com",operation="CREATE",rejected="true",type="admit"} 1',
    'apiserver_admission_webhook_request_total{code="503",name="open.example.com",operation="CREATE",rejected="false",type="validating"} 1',
    'apiserver_admission_webhook_request_total{code="600",name="deny.example.com",operation="CREATE",rejected="true",type="validating"} 1',
  ]);
  expect(series('apiserver_admission_webhook_rejection_count')).toEqual([
    'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="broken.example.com",operation="CREATE",rejection_code="500",type="admit"} 1',
    'apiserver_admission_webhook_rejection_count{error_type="no_error",name="deny.example.com",operation="CREATE",rejection_code="600",type="validating"} 1',
  ]);
  expect(series('apiserver_admission_webhook_fail_open_count')).toEqual([
    'apiserver_admission_webhook_fail_open_count{name="open.example.com",type="validating"} 1',
  ]);
  expect(series('apiserver_admission_webhook_admission_duration_seconds')).toHaveLength(4);
});

test('the time that webhooks take is not the server’s', async () => {
  hooks.on('/slow', () => ({ raw: 'late', afterMs: 400 }));
  await register('Mutating', '/slow', { failurePolicy: 'Ignore' });
  const text = (): string => registry.text();
  const sum = (name: string): number =>
    Number(
      new RegExp(`^apiserver_request_${name}_seconds_sum\\{.*resource="configmaps".*verb="POST".*\\} (.*)$`, 'm').exec(
        text(),
      )?.[1],
    );
  const [all, own] = [sum('duration'), sum('sli_duration')];
  expect(await make('slow', 'slow')).toBe('ok');
  expect(sum('duration') - all - (sum('sli_duration') - own)).toBeGreaterThan(0.35);
});

test('policies: validations that deny, warn, fail and are passed over', async () => {
  const group = '/apis/admissionregistration.k8s.io/v1';
  const policy = async (name: string, expression: string, actions: string[], failurePolicy = 'Fail') => {
    await admin.post(`${group}/validatingadmissionpolicies`, {
      metadata: { name },
      spec: {
        failurePolicy,
        matchConstraints: {
          objectSelector: { matchLabels: { hook: name } },
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        },
        validations: [{ expression: 'true' }, { expression }],
      },
    });
    await admin.post(`${group}/validatingadmissionpolicybindings`, {
      metadata: { name: `${name}-b` },
      spec: { policyName: name, validationActions: actions },
    });
  };
  await policy('no', 'object.data.size() == 2', ['Warn', 'Audit']);
  await policy('faulty', "object.data['x'] == 'y'", ['Deny']);
  await policy('ignored', "object.data['x'] == 'y'", ['Deny'], 'Ignore');
  const made = async (hook: string) =>
    outcome(
      admin.post(cms, configMap('x', { metadata: { name: `policy-${hook}`, labels: { hook } }, data: { a: 'b' } })),
    );
  expect(await made('no')).toBe('ok');
  expect(await made('faulty')).toMatch(/^422/);
  expect(await made('ignored')).toBe('ok');
  const name = 'apiserver_validating_admission_policy_check_total';
  expect(series(name)).toEqual([
    `${name}{enforcement_action="allow",error_type="invalid_error",policy="ignored",policy_binding="ignored-b"} 1`,
    `${name}{enforcement_action="audit",error_type="no_error",policy="no",policy_binding="no-b"} 1`,
    `${name}{enforcement_action="deny",error_type="invalid_error",policy="faulty",policy_binding="faulty-b"} 1`,
    `${name}{enforcement_action="warn",error_type="no_error",policy="no",policy_binding="no-b"} 1`,
  ]);
  expect(series('apiserver_validating_admission_policy_check_duration_seconds')).toHaveLength(4);
});

test('match conditions: those that keep a request from a webhook, and those that cannot be evaluated', async () => {
  const named = (expression: string): object => ({ matchConditions: [{ name: 'c', expression }] });
  hooks.on('/never', () => ({ allowed: false }));
  hooks.on('/unknown', () => ({ allowed: false }));
  await register('Validating', '/never', named("object.metadata.name == 'other'"));
  await register('Mutating', '/unknown', { ...named("object.data.missing == 'x'"), failurePolicy: 'Ignore' });
  expect([await make('c1', 'never'), await make('c2', 'never'), await make('c3', 'unknown')]).toEqual([
    'ok',
    'ok',
    'ok',
  ]);
  const at = (name: string, type: string): string =>
    `{kind="webhook",name="${name}.example.com",operation="CREATE",type="${type}"}`;
  const [never, unknown] = [at('never', 'validate'), at('unknown', 'admit')];
  const prefix = 'apiserver_admission_match_condition';
  expect(series(`${prefix}_exclusions_total`)).toEqual([
    `${prefix}_exclusions_total${never} 2`,
    `${prefix}_exclusions_total${unknown} 1`,
  ]);
  expect(series(`${prefix}_evaluation_errors_total`)).toEqual([`${prefix}_evaluation_errors_total${unknown} 1`]);
  expect(series(`${prefix}_evaluation_seconds`)).toContain(`${prefix}_evaluation_seconds_count${never} 2`);
});

test('match conditions of policies: what keeps a request from them is no exclusion', async () => {
  const group = '/apis/admissionregistration.k8s.io/v1';
  const policy = async (kind: 'validating' | 'mutating', name: string, condition: string): Promise<void> => {
    const value = name === 'cannot' ? 'object.data.missing' : '"1"';
    const applied = { expression: `Object{data: {"m": ${value}}}` };
    const mutation = { patchType: 'ApplyConfiguration', applyConfiguration: applied };
    await admin.post(`${group}/${kind}admissionpolicies`, {
      metadata: { name },
      spec: {
        failurePolicy: 'Ignore',
        matchConstraints: {
          objectSelector: { matchLabels: { hook: name } },
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        },
        matchConditions: [{ name: 'c', expression: condition }],
        ...(kind === 'validating'
          ? { validations: [{ expression: 'false' }] }
          : { reinvocationPolicy: 'Never', mutations: [mutation] }),
      },
    });
    const actions = kind === 'validating' ? { validationActions: ['Deny'] } : {};
    await admin.post(`${group}/${kind}admissionpolicybindings`, {
      metadata: { name: `${name}-b` },
      spec: { policyName: name, ...actions },
    });
  };
  await policy('validating', 'left-out', "object.metadata.name == 'other'");
  await policy('validating', 'untold', "object.data.missing == 'x'");
  await policy('mutating', 'changes', "object.metadata.name == 'p3'");
  await policy('mutating', 'cannot', "object.metadata.name == 'p4'");
  const made = ['left-out', 'untold', 'changes', 'cannot'].map((name, i) => make(`p${i + 1}`, name));
  expect(await Promise.all(made)).toEqual(made.map(() => 'ok'));
  const at = (name: string): string => `{kind="policy",name="${name}",operation="CREATE",type="validate"}`;
  const ofPolicies = (name: string): string[] =>
    series(`apiserver_admission_match_condition_${name}`).filter((line) => line.includes('kind="policy"'));
  const seconds = 'apiserver_admission_match_condition_evaluation_seconds_count';
  // What a policy changed is looked at once more, by all of them.
  const counts = { cannot: 1, changes: 2, 'left-out': 1, untold: 1 };
  expect(ofPolicies('evaluation_seconds')).toEqual(
    Object.entries(counts).map(([name, count]) => `${seconds}${at(name)} ${count}`),
  );
  expect(series('apiserver_mutating_admission_policy_check_total')).toEqual([
    'apiserver_mutating_admission_policy_check_total{error_type="invalid_error",policy="cannot",policy_binding="cannot-b"} 1',
    'apiserver_mutating_admission_policy_check_total{error_type="no_error",policy="changes",policy_binding="changes-b"} 1',
  ]);
  expect(ofPolicies('evaluation_errors_total')).toEqual([
    `apiserver_admission_match_condition_evaluation_errors_total${at('untold')} 1`,
  ]);
  expect(ofPolicies('exclusions_total')).toEqual([]);
});
