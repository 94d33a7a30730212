// Roles and bindings as objects: who may do what by them, who may grant, what the defaults give, and what reviews answer.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import type { SelfSubjectRulesReview } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { startTestServer, type TestServer, verbs } from '../test-server.ts';

let server: TestServer;
let admin: ReturnType<typeof verbs>;
const clock = createVirtualClock();

beforeEach(async () => {
  server = await startTestServer(clock, createSeededRandom(1));
  admin = verbs(server.admin);
});
afterEach(() => server.server.close());

const as = (name: string, ...groups: string[]): Transport =>
  server.server.inProcess({ name, groups: [...groups, 'system:authenticated'] });
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const head = (kind: string, name: string) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name } });
const readPods = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];

/** A store whose watchers hear of every change some turns of the event loop late. */
function lateStore(): Store {
  const store = createMemoryStore({ clock });
  const inTime = store.watch.bind(store);
  const watch: Store['watch'] = async function* (prefix, options) {
    for await (const batch of inTime(prefix, options)) {
      for (let i = 0; i < 20; i++) await nextTurn();
      yield batch;
    }
  };
  return Object.assign(store, { watch });
}

async function outcome(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

const bind = (name: string, role: string, subject: object, namespace = 'default') =>
  admin.post(`${rbac}/namespaces/${namespace}/rolebindings`, {
    ...head('RoleBinding', name),
    roleRef: { kind: role.split('/')[0], name: role.split('/')[1] },
    subjects: [subject],
  });

test('a role for one name opens no other, whatever the field selector says', async () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  for (const name of ['mine', 'theirs']) await admin.post(secrets, secret(name));
  const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['list', 'watch'] }];
  await admin.post(`${rbac}/namespaces/default/roles`, { ...head('Role', 'one'), rules });
  await bind('b', 'Role/one', { kind: 'User', name: 'jane' });
  const jane = as('jane');
  const list = (fieldSelector: string) => outcome(verbs(jane).get(secrets, { fieldSelector }));
  expect(await list('metadata.name=mine')).toBe('ok');
  expect(await list('type!=x,metadata.name=mine')).toBe('ok');
  expect(await list('metadata.name=theirs')).toMatch(/^403 /);
  expect(await list('type!=x\\,metadata.name=mine')).toMatch(/^403 /);
  // No object has two names.
  for (const fieldSelector of ['metadata.name=mine,metadata.name=theirs', 'metadata.name=theirs,metadata.name=mine'])
    expect(await verbs(jane).get(secrets, { fieldSelector })).toMatchObject({ items: [] });
  const path = '/api/v1/watch/namespaces/default/secrets/mine';
  const watch = async (query: Record<string, string>): Promise<string> => {
    const events = jane.stream({ method: 'GET', path, query })[Symbol.asyncIterator]();
    const first = await events.next();
    await events.return?.();
    return String(first.done === true ? 'ended' : first.value.object.metadata?.name);
  };
  expect(await watch({})).toBe('mine');
  expect(await watch({ fieldSelector: 'metadata.name=mine' })).toBe('mine');
  expect(await outcome(watch({ fieldSelector: 'metadata.name=theirs' }))).toBe(
    "400 fieldSelector metadata.name doesn't match requested name",
  );
});

describe('a role binding', () => {
  const list = (who: Transport, namespace = 'default') =>
    outcome(verbs(who).get(`/api/v1/namespaces/${namespace}/pods`));
  const denied = (name: string, namespace: string): string =>
    `403 pods is forbidden: User "${name}" cannot list resource "pods" in API group "" in the namespace "${namespace}"`;

  test('gives at once, in its namespace only, and takes away again', async () => {
    const jane = as('jane');
    expect(await list(jane)).toBe(denied('jane', 'default'));
    await admin.post(`${rbac}/namespaces/default/roles`, { ...head('Role', 'reader'), rules: readPods });
    await bind('b', 'Role/reader', { kind: 'User', name: 'jane' });
    expect(await list(jane)).toBe('ok');
    expect(await list(jane, 'kube-system')).toBe(denied('jane', 'kube-system'));
    expect(await list(as('joe'))).toBe(denied('joe', 'default'));
    await admin.del(`${rbac}/namespaces/default/rolebindings/b`);
    expect(await list(jane)).toBe(denied('jane', 'default'));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is deleted', () => admin.del(`${rbac}/namespaces/default/rolebindings/b`)],
    [
      'has other subjects',
      () => admin.patch(`${rbac}/namespaces/default/rolebindings/b`, 'merge-patch+json', { subjects: [] }),
    ],
    ['has a role that gives less', () => admin.patch(`${rbac}/clusterroles/reader`, 'merge-patch+json', { rules: [] })],
  ])('that %s gives nothing from then on, however late the caches hear of it', async (_, revoke) => {
    await server.server.close();
    server = await startTestServer(clock, createSeededRandom(1), { store: lateStore() });
    admin = verbs(server.admin);
    await admin.post(`${rbac}/clusterroles`, { ...head('ClusterRole', 'reader'), rules: readPods });
    await bind('b', 'ClusterRole/reader', { kind: 'User', name: 'jane' });
    const jane = as('jane');
    expect(await list(jane)).toBe('ok');
    await revoke();
    expect(await list(jane)).toBe(denied('jane', 'default'));
  });

  test.each<[string, object, Transport | undefined, () => Transport]>([
    ['a group', { kind: 'Group', name: 'dev' }, undefined, () => as('ann', 'dev')],
    [
      'a service account of the binding’s namespace',
      { kind: 'ServiceAccount', name: 'bot' },
      undefined,
      () => as('system:serviceaccount:default:bot'),
    ],
    [
      'a service account of another namespace',
      { kind: 'ServiceAccount', name: 'bot', namespace: 'kube-system' },
      undefined,
      () => as('system:serviceaccount:kube-system:bot'),
    ],
  ])('holds for %s', async (_, subject, __, who) => {
    await admin.post(`${rbac}/clusterroles`, { ...head('ClusterRole', 'reader'), rules: readPods });
    await bind('b', 'ClusterRole/reader', subject);
    expect(await list(who())).toBe('ok');
    expect(await list(who(), 'kube-public')).not.toBe('ok');
  });

  test('follows its role as it changes', async () => {
    await bind('b', 'ClusterRole/later', { kind: 'User', name: 'jane' });
    expect(await list(as('jane'))).not.toBe('ok');
    await admin.post(`${rbac}/clusterroles`, { ...head('ClusterRole', 'later'), rules: readPods });
    expect(await list(as('jane'))).toBe('ok');
    await admin.patch(`${rbac}/clusterroles/later`, 'merge-patch+json', { rules: [] });
    expect(await list(as('jane'))).not.toBe('ok');
  });
});

describe('granting', () => {
  const manager = async (): Promise<ReturnType<typeof verbs>> => {
    await admin.post(`${rbac}/clusterroles`, {
      ...head('ClusterRole', 'manager'),
      rules: [
        { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'patch'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
      ],
    });
    await bind('m', 'ClusterRole/manager', { kind: 'User', name: 'mia' });
    return verbs(as('mia'));
  };
  const lacking =
    'user "mia" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n';

  test('needs what is granted', async () => {
    const mia = await manager();
    const path = `${rbac}/namespaces/default/roles`;
    const rule = (resources: string[], verbsOf: string[]) => ({ apiGroups: [''], resources, verbs: verbsOf });
    const role = (name: string, ...rules: object[]) => outcome(mia.post(path, { ...head('Role', name), rules }));
    expect(await role('held', rule(['pods'], ['get']))).toBe('ok');
    expect(await role('more', rule(['secrets', 'pods'], ['get', 'list']))).toBe(
      `403 roles.rbac.authorization.k8s.io "more" is forbidden: ${lacking}` +
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    );
    expect(await outcome(mia.patch(`${path}/held`, 'merge-patch+json', { metadata: { labels: { a: 'b' } } }))).toBe(
      'ok',
    );
    expect(
      await outcome(mia.patch(`${path}/held`, 'merge-patch+json', { rules: [rule(['pods'], ['delete'])] })),
    ).toContain('{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}');
  });

  test('binding needs the rights of the role, or the verb bind', async () => {
    const mia = await manager();
    const give = (name: string, role: string) =>
      outcome(
        mia.post(`${rbac}/namespaces/default/rolebindings`, {
          ...head('RoleBinding', name),
          roleRef: { kind: 'ClusterRole', name: role },
          subjects: [{ kind: 'User', name: 'joe' }],
        }),
      );
    expect(await give('a', 'manager')).toBe('ok');
    expect(await give('b', 'cluster-admin')).toBe(
      `403 rolebindings.rbac.authorization.k8s.io "b" is forbidden: ${lacking}` +
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}',
    );
    expect(await give('c', 'missing')).toBe('404 clusterroles.rbac.authorization.k8s.io "missing" not found');
    await admin.post(`${rbac}/clusterroles`, {
      ...head('ClusterRole', 'binder'),
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles'],
          verbs: ['bind'],
          resourceNames: ['cluster-admin'],
        },
      ],
    });
    await bind('binder', 'ClusterRole/binder', { kind: 'User', name: 'mia' });
    expect(await give('d', 'cluster-admin')).toBe('ok');
  });

  test('a role with more than one has is not gathered into a role that one has', async () => {
    await admin.post(`${rbac}/clusterroles`, {
      ...head('ClusterRole', 'strong'),
      rules: [{ ...readPods[0], verbs: ['*'] }],
    });
    await admin.post(`${rbac}/clusterroles`, {
      ...head('ClusterRole', 'labeller'),
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles', 'clusterrolebindings'],
          verbs: ['update', 'patch'],
        },
      ],
    });
    const labeller = { roleRef: { kind: 'ClusterRole', name: 'labeller' }, subjects: [{ kind: 'User', name: 'mia' }] };
    await admin.post(`${rbac}/clusterrolebindings`, { ...head('ClusterRoleBinding', 'labeller'), ...labeller });
    const strong = { roleRef: { kind: 'ClusterRole', name: 'strong' }, subjects: [{ kind: 'User', name: 'joe' }] };
    await admin.post(`${rbac}/clusterrolebindings`, { ...head('ClusterRoleBinding', 'strong'), ...strong });
    const mia = verbs(as('mia'));
    const change = (path: string, metadata: object) =>
      outcome(mia.patch(`${rbac}/${path}`, 'merge-patch+json', { metadata }));
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' };
    const why = `${lacking}{APIGroups:[""], Resources:["pods"], Verbs:["*"]}`;
    expect(await change('clusterroles/strong', { labels })).toBe(
      `403 clusterroles.rbac.authorization.k8s.io "strong" is forbidden: ${why}`,
    );
    expect(await change('clusterroles/strong', { annotations: { a: 'b' } })).toContain('403');
    expect(await change('clusterrolebindings/strong', { labels })).toBe(
      `403 clusterrolebindings.rbac.authorization.k8s.io "strong" is forbidden: ${why}`,
    );
    // What lets it be deleted is no grant.
    expect(await change('clusterroles/strong', { finalizers: ['example.com/a'] })).toBe('ok');
    expect(await change('clusterroles/labeller', { labels })).toBe('ok');
  });

  test('only who may do all may aggregate', async () => {
    await admin.post(`${rbac}/clusterroles`, {
      ...head('ClusterRole', 'roles'),
      rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['create'] }],
    });
    await admin.post(`${rbac}/clusterrolebindings`, {
      ...head('ClusterRoleBinding', 'roles'),
      roleRef: { kind: 'ClusterRole', name: 'roles' },
      subjects: [{ kind: 'User', name: 'mia' }],
    });
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const body = { ...head('ClusterRole', 'all'), aggregationRule };
    expect(await outcome(verbs(as('mia')).post(`${rbac}/clusterroles`, body))).toBe(
      '403 clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    );
    expect(await outcome(admin.post(`${rbac}/clusterroles`, body))).toBe('ok');
  });
});

describe('the defaults', () => {
  test('are there from the start, marked as upstream marks them', async () => {
    const role = await admin.get(`${rbac}/clusterroles/view`);
    expect(role).toMatchObject({
      metadata: {
        labels: {
          'kubernetes.io/bootstrapping': 'rbac-defaults',
          'rbac.authorization.k8s.io/aggregate-to-edit': 'true',
        },
        annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
      },
      aggregationRule: {
        clusterRoleSelectors: [{ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }],
      },
    });
  });

  test('editors may evict pods, neither resize them nor add ephemeral containers', async () => {
    await bind('editors', 'ClusterRole/system:aggregate-to-edit', { kind: 'User', name: 'editor' });
    const may = async (verb: string, subresource: string): Promise<unknown> => {
      const resourceAttributes = { verb, resource: 'pods', subresource, namespace: 'default' };
      const spec = { user: 'editor', resourceAttributes };
      const answer = await admin.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
      return (answer as { status?: { allowed?: boolean } }).status?.allowed;
    };
    expect(await may('create', 'eviction')).toBe(true);
    expect(await may('patch', 'resize')).toBe(false);
    expect(await may('patch', 'ephemeralcontainers')).toBe(false);
  });

  test('are mended at the next start: what lacks comes back, what was added stays, what opts out is left', async () => {
    const store = createMemoryStore({ clock });
    const first = await startTestServer(clock, createSeededRandom(2), { store });
    const own = verbs(first.admin);
    await own.patch(`${rbac}/clusterroles/system:basic-user`, 'merge-patch+json', { rules: readPods });
    await own.del(`${rbac}/clusterrolebindings/system:basic-user`);
    await own.patch(`${rbac}/clusterroles/system:discovery`, 'merge-patch+json', {
      metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
      rules: [],
    });
    await first.server.close();
    const second = await startTestServer(clock, createSeededRandom(3), { store });
    const again = verbs(second.admin);
    expect(await again.get(`${rbac}/clusterroles/system:basic-user`)).toMatchObject({
      rules: [
        ...readPods,
        { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews'], verbs: ['create'] },
        { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectrulesreviews'], verbs: ['create'] },
        { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
      ],
    });
    expect(await outcome(again.get(`${rbac}/clusterrolebindings/system:basic-user`))).toBe('ok');
    expect(await again.get(`${rbac}/clusterroles/system:discovery`)).toMatchObject({ rules: null });
    await second.server.close();
  });
});

describe('reviews', () => {
  const path = '/apis/authorization.k8s.io/v1';
  const attributes = { resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } };
  const review = (spec: object, at = 'subjectaccessreviews') => admin.post(`${path}/${at}`, { spec });

  test('answer from roles', async () => {
    await admin.post(`${rbac}/clusterroles`, { ...head('ClusterRole', 'reader'), rules: readPods });
    await bind('b', 'ClusterRole/reader', { kind: 'Group', name: 'dev' });
    expect(await review({ user: 'x', groups: ['dev'], ...attributes })).toMatchObject({ status: { allowed: true } });
    expect(await review({ user: 'dev', ...attributes })).toMatchObject({ status: { allowed: false } });
    const local = 'namespaces/default/localsubjectaccessreviews';
    expect(await review({ groups: ['dev'], ...attributes }, local)).toMatchObject({ status: { allowed: true } });
    const rules = await verbs(as('x', 'dev')).post(`${path}/selfsubjectrulesreviews`, {
      spec: { namespace: 'default' },
    });
    expect(rules).toMatchObject({
      status: {
        resourceRules: expect.arrayContaining([{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]),
      },
    });
  });

  test('tell a rule once, however many ways it holds', async () => {
    const spec = { namespace: 'default' };
    const review = await verbs(as('x', 'system:masters')).post(`${path}/selfsubjectrulesreviews`, { spec });
    const { resourceRules = [], nonResourceRules = [] } = (review as SelfSubjectRulesReview).status ?? {};
    expect(resourceRules.filter(({ verbs: [verb] }) => verb === '*')).toHaveLength(1);
    const told = (url: string) => nonResourceRules.filter(({ nonResourceURLs = [] }) => nonResourceURLs.includes(url));
    expect(told('*')).toHaveLength(1);
    // By system:discovery and by system:public-info-viewer.
    expect(told('/healthz')).toHaveLength(2);
  });

  test('refuse what makes no sense', async () => {
    expect(await outcome(review(attributes))).toBe(
      '422 .authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    );
    const elsewhere = review({ user: 'x', ...attributes }, 'namespaces/kube-system/localsubjectaccessreviews');
    expect(await outcome(elsewhere)).toBe(
      '422 .authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
    );
  });
});
