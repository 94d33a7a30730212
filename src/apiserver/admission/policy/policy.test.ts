// Policies in CEL on a whole API server: what they refuse, warn about, note and change, and what is refused of them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/types.ts';
import { createSeededRandom } from '../../../sim/seeded-random.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { configMap, outcome, startTestServer, type TestServer, verbs } from '../../test-server.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
/** What was noted for the audit log, and warned of, by the last write of a ConfigMap. */
let noted: Record<string, string> = {};
let warned: string[] = [];

const observer: AdmissionPlugin = {
  name: 'observer',
  validate(at) {
    if (at.resource.kind.kind !== 'ConfigMap') return;
    noted = Object.fromEntries(at.annotations);
    warned = [...at.warnings];
  },
};

beforeEach(async () => {
  noted = {};
  warned = [];
  server = await startTestServer(createVirtualClock(), createSeededRandom(1), { admission: [observer] });
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const group = '/apis/admissionregistration.k8s.io/v1';
const root = '/api/v1/namespaces/default';
const rule = (resource: string, operations = ['CREATE', 'UPDATE'], apiGroup = '') => ({
  apiGroups: [apiGroup],
  apiVersions: ['v1'],
  operations,
  resources: [resource],
});
const constraints = (resource: string, ...more: [string[]?, string?]) => ({ resourceRules: [rule(resource, ...more)] });

const make = (kind: string, plural: string) => (name: string, spec: object) =>
  admin.post(`${group}/${plural}`, { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, spec });
const addPolicy = (name: string, spec: object) =>
  make('ValidatingAdmissionPolicy', 'validatingadmissionpolicies')(name, {
    matchConstraints: constraints('configmaps'),
    ...spec,
  });
const bind = (name: string, spec: object = {}) =>
  make('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings')(name, {
    policyName: 'p',
    validationActions: ['Deny'],
    ...spec,
  });
const addMutation = (name: string, spec: object) =>
  make('MutatingAdmissionPolicy', 'mutatingadmissionpolicies')(name, {
    matchConstraints: constraints('configmaps'),
    reinvocationPolicy: 'Never',
    ...spec,
  });
const bindMutation = (name: string, spec: object = {}) =>
  make('MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings')(name, { policyName: 'p', ...spec });
const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

const create = (data: object) => admin.post(`${root}/configmaps`, { ...configMap('c'), data });
const error = async (request: Promise<unknown>) => {
  try {
    await request;
    return undefined;
  } catch (caught) {
    return (caught as { status: unknown }).status;
  }
};

describe('a validating policy', () => {
  test('whose messages run out of the budget says so of those that are left', async () => {
    const messageExpression = 'string(lists.range(350).all(a, lists.range(350).all(b, a + b >= 0)))';
    const validations = Array.from({ length: 14 }, () => ({ expression: '1 > 2', messageExpression }));
    await addPolicy('p', { validations });
    await bind('b', { validationActions: ['Warn'] });
    expect(await outcome(create({}))).toBe('ok');
    const by = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': ";
    expect(warned[0]).toBe(`${by}true`);
    expect(warned.at(-1)).toBe(
      `${by}failed messageExpression: validation failed due to running out of cost budget, no further validation rules will be run`,
    );
    expect(warned).toHaveLength(14);
  });

  test('refuses as Kubernetes words it', async () => {
    await addPolicy('p', { validations: [{ expression: 'size(object.data) <= 1' }] });
    await bind('b');
    expect(await outcome(create({ a: '1' }))).toBe('ok');
    expect(await error(admin.post(`${root}/configmaps`, { ...configMap('d'), data: { a: '1', b: '2' } }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        "configmaps \"d\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: size(object.data) <= 1",
      reason: 'Invalid',
      code: 422,
      details: {
        name: 'd',
        kind: 'configmaps',
        causes: [
          {
            message:
              "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: size(object.data) <= 1",
          },
        ],
      },
    });
  });

  test.each<[string, object, string]>([
    ['its message', { expression: 'false', message: ' no ' }, '422 no'],
    [
      'its message expression',
      { expression: 'false', messageExpression: "'not ' + object.metadata.name" },
      '422 not c',
    ],
    [
      'its message where the expression fails',
      { expression: 'false', message: 'no', messageExpression: 'string(object.x)' },
      '422 no',
    ],
    ['its reason', { expression: 'false', reason: 'Forbidden' }, '403 failed expression: false'],
    ['too large', { expression: 'false', reason: 'RequestEntityTooLarge' }, '413 failed expression: false'],
    ['an error', { expression: 'object.x == 1' }, "422 expression 'object.x == 1' resulted in error: no such key: x"],
    [
      'the request',
      { expression: "request.operation != 'CREATE' || request.userInfo.username != 'admin'" },
      '422 failed',
    ],
    ['the namespace', { expression: "namespaceObject.metadata.name != 'default'" }, '422 failed'],
    ['the options', { expression: "request.options.kind != 'CreateOptions'" }, '422 failed'],
    ['no old object', { expression: 'oldObject != null' }, '422 failed'],
    [
      'what the user may do',
      { expression: "!authorizer.group('').resource('secrets').namespace('default').check('get').allowed()" },
      '422 failed',
    ],
    [
      'what the user may do with the object',
      { expression: "!authorizer.requestResource.check('create').allowed()" },
      '422 failed',
    ],
  ])('says %s', async (_, validation, expected) => {
    await addPolicy('p', { validations: [validation] });
    await bind('b');
    const [code, text = ''] = expected.split(/ (.*)/s);
    const found = await outcome(create({}));
    expect(
      found.startsWith(
        `${code} configmaps "c" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: `,
      ),
    ).toBe(true);
    expect(found).toContain(text);
  });

  test('fails open where it says so', async () => {
    await addPolicy('p', { failurePolicy: 'Ignore', validations: [{ expression: 'object.x == 1' }] });
    await bind('b');
    expect(await outcome(create({}))).toBe('ok');
  });

  test('only with a binding, and only what both are for', async () => {
    await addPolicy('p', { validations: [{ expression: 'false' }] });
    expect(await outcome(create({}))).toBe('ok');
    await bind('b', { matchResources: { objectSelector: { matchLabels: { checked: 'yes' } } } });
    expect(await outcome(admin.post(`${root}/configmaps`, configMap('d')))).toBe('ok');
    const labelled = { ...configMap('e'), metadata: { name: 'e', labels: { checked: 'yes' } } };
    expect(await outcome(admin.post(`${root}/configmaps`, labelled))).toContain('denied request');
    expect(
      await outcome(admin.post(`${root}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } })),
    ).toBe('ok');
  });

  test('not where a match condition is false, and fails with one that fails', async () => {
    await addPolicy('p', {
      matchConditions: [{ name: 'not-mine', expression: "request.userInfo.username != 'admin'" }],
      validations: [{ expression: 'false' }],
    });
    await bind('b');
    expect(await outcome(create({}))).toBe('ok');
    await addPolicy('q', {
      matchConditions: [{ name: 'broken', expression: 'object.x == 1' }],
      validations: [{ expression: 'true' }],
    });
    await bind('c', { policyName: 'q' });
    expect(await outcome(admin.post(`${root}/configmaps`, configMap('d')))).toContain(
      "denied request: expression 'object.x == 1' resulted in error: no such key: x",
    );
  });

  test('uses variables, which are evaluated once they are needed', async () => {
    await addPolicy('p', {
      variables: [
        { name: 'count', expression: 'size(object.data)' },
        { name: 'twice', expression: 'variables.count * 2' },
        { name: 'broken', expression: 'object.x' },
      ],
      validations: [
        { expression: 'variables.twice == 4', messageExpression: "'twice is ' + string(variables.twice)" },
        { expression: 'variables.count > 0 || variables.broken' },
      ],
    });
    await bind('b');
    expect(await outcome(create({ a: '1', b: '2' }))).toBe('ok');
    expect(await outcome(admin.post(`${root}/configmaps`, { ...configMap('d'), data: { a: '1' } }))).toContain(
      'twice is 2',
    );
  });

  test('warns and notes, as its bindings say', async () => {
    await addPolicy('p', {
      validations: [{ expression: 'false', message: 'no' }],
      auditAnnotations: [
        { key: 'name', valueExpression: "'it is ' + object.metadata.name" },
        { key: 'none', valueExpression: 'null' },
      ],
    });
    await bind('b', { validationActions: ['Warn', 'Audit'] });
    expect(await outcome(create({}))).toBe('ok');
    expect(warned).toEqual(["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no"]);
    expect(noted['p/name']).toBe('it is c');
    expect(noted['p/none']).toBeUndefined();
    expect(JSON.parse(noted['validation.policy.admission.k8s.io/validation_failure'] ?? '')).toEqual([
      { message: 'no', policy: 'p', binding: 'b', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
    ]);
  });

  test('is asked about deletions and updates', async () => {
    await create({ keep: 'yes' });
    await addPolicy('p', {
      matchConstraints: constraints('configmaps', ['DELETE', 'UPDATE']),
      validations: [
        { expression: "oldObject.data.keep != 'yes' || object != null" },
        { expression: "object == null || object.data.keep == 'yes'" },
      ],
    });
    await bind('b');
    expect(await outcome(admin.del(`${root}/configmaps/c`))).toContain('denied request');
    expect(await outcome(admin.patch(`${root}/configmaps/c`, 'merge-patch+json', { data: { keep: 'no' } }))).toContain(
      'denied request',
    );
  });

  test('stops where it costs too much', async () => {
    await addPolicy('p', {
      validations: [{ expression: 'lists.range(5000).all(a, lists.range(5000).all(b, a + b >= 0))' }],
    });
    await bind('b');
    expect(await outcome(create({}))).toContain('actual cost limit exceeded');
  });

  test('cannot lock out whoever would take it away', async () => {
    await addPolicy('p', {
      matchConstraints: constraints('*', ['*'], '*'),
      validations: [{ expression: 'false' }],
    });
    await bind('b');
    expect(await outcome(create({}))).toContain('denied');
    expect(await outcome(admin.del(`${group}/validatingadmissionpolicies/p`))).toBe('ok');
    expect(await outcome(create({}))).toBe('ok');
  });
});

describe('parameters', () => {
  const limit = (name: string, most: string, labels: object = {}) =>
    admin.post(`${root}/configmaps`, { ...configMap(name), metadata: { name, labels }, data: { most } });
  const policy = () =>
    addPolicy('p', {
      matchConstraints: constraints('secrets'),
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        {
          expression: 'size(object.data) <= int(params.data.most)',
          messageExpression: "'at most ' + params.data.most",
        },
      ],
    });
  const secret = (name: string, ...keys: string[]) =>
    outcome(
      admin.post(`${root}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
        data: Object.fromEntries(keys.map((key) => [key, ''])),
      }),
    );

  test('by name, in the namespace of the request', async () => {
    await policy();
    await limit('limit', '1');
    await bind('b', { paramRef: { name: 'limit', parameterNotFoundAction: 'Deny' } });
    expect(await secret('a', 'x')).toBe('ok');
    expect(await secret('b', 'x', 'y')).toContain('at most 1');
    await admin.patch(`${root}/configmaps/limit`, 'merge-patch+json', { data: { most: '2' } });
    expect(await secret('c', 'x', 'y')).toBe('ok');
  });

  test('all that are selected', async () => {
    await policy();
    await limit('one', '3', { limit: 'yes' });
    await limit('two', '1', { limit: 'yes' });
    await bind('b', { paramRef: { selector: { matchLabels: { limit: 'yes' } }, parameterNotFoundAction: 'Allow' } });
    expect(await secret('a', 'x', 'y')).toContain('at most 1');
  });

  test.each([
    ['Allow', 'ok'],
    ['Deny', 'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'],
  ])('that are not there: %s', async (parameterNotFoundAction, expected) => {
    await policy();
    await bind('b', { paramRef: { name: 'absent', parameterNotFoundAction } });
    expect(await secret('a')).toContain(expected);
  });

  test('of a kind that is not served', async () => {
    await addPolicy('p', {
      paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' },
      validations: [{ expression: 'params.x' }],
    }).catch(() => {});
    await addPolicy('p', {
      paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' },
      validations: [{ expression: 'params.x == 1' }],
    });
    await bind('b', { paramRef: { name: 'absent', parameterNotFoundAction: 'Allow' } });
    expect(await outcome(create({}))).toContain(
      'denied request: failed to configure binding: failed to find resource referenced by paramKind',
    );
  });
});

describe('a mutating policy', () => {
  const created = async (data: object) => (await create(data)) as KubeObject & { data: unknown };

  test('applies a configuration', async () => {
    await addMutation('p', {
      mutations: [
        apply(
          "Object{metadata: Object.metadata{labels: {'made-by': request.userInfo.username}}, data: {'added': object.data.a}}",
        ),
      ],
    });
    await bindMutation('b');
    const made = await created({ a: '1' });
    expect(made.data).toEqual({ a: '1', added: '1' });
    expect(made.metadata?.labels).toEqual({ 'made-by': 'admin' });
  });

  test('patches', async () => {
    await addMutation('p', {
      mutations: [
        patch(
          "[JSONPatch{op: 'test', path: '/data/a', value: '1'}, JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('b.c'), value: 'x'}]",
        ),
        patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: Object.metadata.labels{l: 'y'}}]"),
      ],
    });
    await bindMutation('b');
    expect(await created({ a: '1' })).toMatchObject({ data: { a: '1', 'b.c': 'x' }, metadata: { labels: { l: 'y' } } });
    const other = (await admin.post(`${root}/configmaps`, { ...configMap('d'), data: { a: '2' } })) as {
      data: unknown;
    };
    expect(other.data).toEqual({ a: '2' });
  });

  test('merges lists by their keys', async () => {
    await addMutation('p', {
      matchConstraints: constraints('pods', ['CREATE']),
      mutations: [
        apply(
          "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, env: [Object.spec.containers.env{name: 'A', value: '1'}]}), initContainers: [Object.spec.initContainers{name: 'proxy', image: 'p', restartPolicy: 'Always'}]}}",
        ),
      ],
    });
    await bindMutation('b');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'B', value: '2' }] }] },
    };
    const made = (await admin.post(`${root}/pods`, pod)) as {
      spec: { containers: { env: unknown }[]; initContainers: unknown[] };
    };
    expect(made.spec.containers[0]?.env).toEqual(
      expect.arrayContaining([
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ]),
    );
    expect(made.spec.initContainers).toMatchObject([{ name: 'proxy', restartPolicy: 'Always' }]);
  });

  test.each<[string, object, string]>([
    [
      'an error',
      apply('Object{data: object.x}'),
      "policy 'p' with binding 'b' denied request: expression 'Object{data: object.x}' resulted in error: no such key: x",
    ],
    ['an unknown field', apply('Object{spec: Object.spec{x: 1}}'), "policy 'p' with binding 'b' denied request: "],
    ['parts named wrongly', apply('Object{metadata: Object.spec{}}'), 'denied request: type mismatch: '],
    ['a patch of nothing', patch("[JSONPatch{op: 'remove', path: '/data/none'}]"), 'denied request: JSON Patch: '],
  ])('is refused for %s', async (_, mutation, expected) => {
    await addMutation('p', { mutations: [mutation] });
    await bindMutation('b');
    const found = await outcome(create({ a: '1' }));
    expect(found).toContain(expected);
  });

  test('may not replace atomic lists', async () => {
    await addMutation('p', {
      matchConstraints: constraints('pods', ['CREATE']),
      mutations: [apply("Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', args: ['x']}]}}")],
    });
    await bindMutation('b');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    };
    expect(await outcome(admin.post(`${root}/pods`, pod))).toContain(
      'invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[{"name":"c"}].args',
    );
  });

  test('fails open where it says so, and is not asked where conditions are false', async () => {
    await addMutation('p', { failurePolicy: 'Ignore', mutations: [apply('Object{data: object.x}')] });
    await bindMutation('b');
    await addMutation('q', {
      matchConditions: [{ name: 'no', expression: "object.metadata.name != 'c'" }],
      mutations: [apply("Object{data: {'q': '1'}}")],
    });
    await bindMutation('c', { policyName: 'q' });
    expect((await created({ a: '1' })).data).toEqual({ a: '1' });
  });

  test.each([
    ['IfNeeded', { q: '1', seen: 'yes' }],
    ['Never', { q: '1', seen: 'no' }],
  ])('is asked again where another changes the object: %s', async (reinvocationPolicy, expected) => {
    await addMutation('p', {
      reinvocationPolicy,
      mutations: [apply("Object{data: {'seen': has(object.data) && 'q' in object.data ? 'yes' : 'no'}}")],
    });
    await bindMutation('b');
    await addMutation('q', { mutations: [apply("Object{data: {'q': '1'}}")] });
    await bindMutation('c', { policyName: 'q' });
    expect((await created({})).data).toEqual(expected);
  });

  test('changes nothing that is stored on a dry run, and shows what it would', async () => {
    await addMutation('p', { mutations: [apply("Object{data: {'added': 'x'}}")] });
    await bindMutation('b');
    const made = (await admin.post(`${root}/configmaps`, configMap('c'), { dryRun: 'All' })) as { data: unknown };
    expect(made.data).toEqual({ added: 'x' });
    expect(await outcome(admin.get(`${root}/configmaps/c`))).toContain('404');
  });
});

describe('what is refused of policies', () => {
  const valid = { validations: [{ expression: 'true' }] };
  test.each<[string, object, string]>([
    ['no rules', { ...valid, matchConstraints: {} }, 'spec.matchConstraints.resourceRules: Required value'],
    [
      'no validations',
      {},
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    ],
    [
      'another failure policy',
      { ...valid, failurePolicy: 'Maybe' },
      'spec.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
    ],
    [
      'a param kind without version',
      { ...valid, paramKind: { kind: 'X' } },
      'spec.paramKind.apiVersion: Required value',
    ],
    [
      'no expression',
      { validations: [{ expression: ' ' }] },
      'spec.validations[0].expression: Required value: expression is not specified',
    ],
    [
      'a wrong expression',
      { validations: [{ expression: 'object.x +' }] },
      'spec.validations[0].expression: Invalid value: "object.x +": compilation failed: ERROR: <input>:1:11: Syntax error: mismatched input',
    ],
    [
      'no truth',
      { validations: [{ expression: '1' }] },
      'spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int',
    ],
    [
      'params that are not there',
      { validations: [{ expression: 'params == null' }] },
      "undeclared reference to 'params'",
    ],
    [
      'a message on two lines',
      { validations: [{ expression: 'true', message: 'a\nb' }] },
      'message must not contain line breaks',
    ],
    [
      'another reason',
      { validations: [{ expression: 'true', reason: 'Gone' }] },
      'spec.validations[0].reason: Unsupported value: "Gone"',
    ],
    [
      'a message of no text',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'must evaluate to string but got int',
    ],
    [
      'a variable of no name',
      { ...valid, variables: [{ name: '1x', expression: 'true' }] },
      'spec.variables[0].name: Invalid value: "1x": name is not a valid CEL identifier',
    ],
    [
      'a variable that is used before',
      {
        ...valid,
        variables: [
          { name: 'a', expression: 'variables.b' },
          { name: 'b', expression: '1' },
        ],
      },
      "undefined field 'b'",
    ],
    [
      'an annotation of two types',
      { auditAnnotations: [{ key: 'k', valueExpression: '1' }] },
      'must evaluate to one of [string null_type] but got int',
    ],
    [
      'conditions that are wrong',
      { ...valid, matchConditions: [{ name: 'a', expression: '1' }] },
      'spec.matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int',
    ],
  ])('%s', async (_, spec, expected) => expect(await outcome(addPolicy('p', spec))).toContain(expected));

  test.each<[string, object, string]>([
    ['no policy', { policyName: '' }, 'spec.policyName: Required value'],
    [
      'no action',
      { validationActions: [] },
      'spec.validationActions: Required value: at least one validation action is required',
    ],
    ['an action twice', { validationActions: ['Deny', 'Deny'] }, 'spec.validationActions[1]: Duplicate value: "Deny"'],
    ['Deny with Warn', { validationActions: ['Deny', 'Warn'] }, 'must not contain both Deny and Warn'],
    [
      'a param of no name',
      { paramRef: { parameterNotFoundAction: 'Deny' } },
      'spec.paramRef: Required value: one of name or selector must be specified',
    ],
    ['no word on absent params', { paramRef: { name: 'x' } }, 'spec.paramRef.parameterNotFoundAction: Required value'],
  ])('a binding with %s', async (_, spec, expected) => expect(await outcome(bind('b', spec))).toContain(expected));

  test.each<[string, object, string]>([
    ['no mutation', { mutations: [] }, 'spec.mutations: Required value'],
    [
      'no patch type',
      { mutations: [{ applyConfiguration: { expression: 'Object{}' } }] },
      'spec.mutations[0].patchType: Required value',
    ],
    [
      'nothing to apply',
      { mutations: [{ patchType: 'ApplyConfiguration' }] },
      'spec.mutations[0].applyConfiguration: Required value',
    ],
    ['no object', { mutations: [apply('1')] }, 'must evaluate to Object but got int'],
    [
      'deletions',
      { matchConstraints: constraints('configmaps', ['CONNECT', 'DELETE']), mutations: [apply('Object{}')] },
      'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
    ['no patch', { mutations: [patch("['x']")] }, 'must evaluate to list(JSONPatch) but got list(string)'],
  ])('a mutating policy with %s', async (_, spec, expected) =>
    expect(await outcome(addMutation('p', spec))).toContain(expected),
  );

  test('a mutating policy of every operation leaves deletions alone', async () => {
    await create({});
    await addMutation('p', {
      matchConstraints: constraints('configmaps', ['*']),
      mutations: [apply("Object{data: {'a': object.data.missing}}")],
    });
    await bindMutation('b');
    expect(await outcome(admin.post(`${root}/configmaps`, configMap('d')))).toContain('denied request');
    expect(await outcome(admin.del(`${root}/configmaps/c`))).toBe('ok');
  });

  test('defaults, and a generation that counts', async () => {
    const made = (await addPolicy('p', valid)) as { spec: object; metadata: { generation?: number } };
    expect(made.spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        resourceRules: [{ scope: '*' }],
      },
    });
    expect(made.metadata.generation).toBe(1);
    const path = `${group}/validatingadmissionpolicies/p`;
    await admin.patch(path, 'merge-patch+json', {
      metadata: { labels: { a: 'b' } },
      status: { observedGeneration: 9 },
    });
    expect(await admin.get(path)).toMatchObject({ metadata: { generation: 1 }, status: {} });
    await admin.patch(path, 'merge-patch+json', { spec: { failurePolicy: 'Ignore' } });
    expect(await admin.get(path)).toMatchObject({ metadata: { generation: 2 } });
    await admin.patch(`${path}/status`, 'merge-patch+json', {
      status: { observedGeneration: 2 },
      spec: { failurePolicy: 'Fail' },
    });
    expect(await admin.get(path)).toMatchObject({
      spec: { failurePolicy: 'Ignore' },
      status: { observedGeneration: 2 },
    });
  });
});

test('match conditions of webhooks are checked, and decide whether a webhook is asked', async () => {
  const hook = (expression: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'w' },
    webhooks: [
      {
        name: 'w.example.com',
        clientConfig: { url: 'https://127.0.0.1:1/' },
        rules: [rule('configmaps')],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        matchConditions: [{ name: 'c', expression }],
      },
    ],
  });
  const path = `${group}/validatingwebhookconfigurations`;
  expect(await outcome(admin.post(path, hook('params')))).toContain("undeclared reference to 'params'");
  await admin.post(path, hook("object.metadata.name != 'c'"));
  expect(await outcome(create({}))).toBe('ok');
  expect(await outcome(admin.post(`${root}/configmaps`, configMap('d')))).toContain('failed calling webhook');
  await admin.patch(`${path}/w`, 'json-patch+json', [
    { op: 'replace', path: '/webhooks/0/matchConditions/0/expression', value: 'object.x == 1' },
  ]);
  expect(await outcome(admin.post(`${root}/configmaps`, configMap('d')))).toContain(
    '403 configmaps "d" is forbidden: expression \'object.x == 1\' resulted in error: no such key: x',
  );
});
