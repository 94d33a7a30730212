// What the status of validating admission policies says of their expressions.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { NamedRuleWithOperations, ValidatingAdmissionPolicySpec } from '../../api/generated/types.ts';
import { startTestServer, type TestServer, verbs } from '../../apiserver/test-server.ts';
import { createClient } from '../../client/create-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createControllerManager } from '../manager.ts';
import { policyStatus } from './controller.ts';
import { namedResources } from './type-check.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(createVirtualClock(), createSeededRandom(1));
});
afterAll(() => server.server.close());

const rule = (group: string, version: string, ...resources: string[]): NamedRuleWithOperations => ({
  apiGroups: [group],
  apiVersions: [version],
  resources,
  operations: ['CREATE'],
});
const pods = { resourceRules: [rule('', 'v1', 'pods')] };
const warnings = async (spec: ValidatingAdmissionPolicySpec) => {
  const status = await policyStatus(
    { metadata: { name: 'p', generation: 3 }, spec: { matchConstraints: pods, ...spec } },
    server.admin,
    new AbortController().signal,
  );
  expect(status.observedGeneration).toBe(3);
  return (status.typeChecking?.expressionWarnings ?? []).map(({ fieldRef, warning }) => `${fieldRef} ${warning}`);
};

test.each<[string, string]>([
  ['a field', "object.spec.restartPolicy == 'Always'"],
  ['quantities', "object.spec.containers.all(c, quantity(c.resources.limits['cpu']).isLessThan(quantity('1')))"],
  ['ports by number or name', 'object.spec.containers.all(c, c.livenessProbe.httpGet.port == 80)'],
  ['no old object', 'oldObject == null || has(oldObject.metadata.labels)'],
  ['the request', "request.operation == 'CREATE' && authorizer.requestResource.check('get').allowed()"],
])('%s is known', async (_, expression) => {
  expect(await warnings({ validations: [{ expression }] })).toEqual([]);
});

test('an unknown field, in upstream’s words', async () => {
  expect(await warnings({ validations: [{ expression: 'object.foo < 1', messageExpression: 'object.bar' }] })).toEqual([
    "spec.validations[0].expression v1, Kind=Pod: ERROR: <input>:1:7: undefined field 'foo'\n | object.foo < 1\n | ......^\n",
    "spec.validations[0].messageExpression v1, Kind=Pod: ERROR: <input>:1:7: undefined field 'bar'\n | object.bar\n | ......^\n",
  ]);
});

test('each kind that rules name', async () => {
  const matchConstraints = { resourceRules: [rule('', 'v1', 'pods', 'nodes', 'configmaps')] };
  const [warning] = await warnings({ matchConstraints, validations: [{ expression: 'has(object.spec)' }] });
  expect(warning).toBe(
    "spec.validations[0].expression v1, Kind=ConfigMap: ERROR: <input>:1:4: undefined field 'spec'\n | has(object.spec)\n | ...^\n",
  );
});

test('params and variables', async () => {
  const [wrong, ...more] = await warnings({
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    variables: [{ name: 'name', expression: 'object.metadata.name' }],
    validations: [{ expression: 'variables.name == params.data.name' }, { expression: 'variables.name == 1' }],
  });
  expect(more).toEqual([]);
  expect(wrong).toContain("found no matching overload for '_==_' applied to '(string, int)'");
});

test('a controller writes it once for each generation', async () => {
  const [clock, stop] = [createVirtualClock(), new AbortController()];
  const manager = createControllerManager({
    client: createClient(server.admin),
    transport: server.admin,
    clock,
    random: createSeededRandom(2),
    logger: silentLogger,
    events: () => ({ event: () => undefined }),
    clusterCaPem: '',
    signCertificate: () => Promise.reject(new Error('not here')),
    controllers: 'validatingadmissionpolicy-status-controller',
  });
  const admin = verbs(server.admin);
  const root = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
  await manager.start(stop.signal);
  await admin.post(root, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'written' },
    spec: { matchConstraints: pods, validations: [{ expression: 'object.foo == 1' }] },
  });
  await vi.waitFor(async () => {
    await clock.advance(1000);
    expect(await admin.get(`${root}/written`)).toMatchObject({
      status: {
        observedGeneration: 1,
        typeChecking: { expressionWarnings: [{ fieldRef: 'spec.validations[0].expression' }] },
      },
      metadata: { managedFields: [{ manager: 'validatingadmissionpolicy-status', operation: 'Apply' }, {}] },
    });
  });
  stop.abort();
});

test('wildcards, subresources and what is not served are not looked at', () => {
  const resourceRules = [
    rule('', 'v1', 'pods/*', '*', 'pods'),
    rule('*', 'v1', 'pods'),
    rule('apps', '*', 'deployments'),
    rule('apps', 'v1', 'deployments', 'daemonsets'),
  ];
  expect(namedResources({ matchConstraints: { resourceRules } }).map(({ resource }) => resource)).toEqual([
    'pods',
    'daemonsets',
    'deployments',
  ]);
});
