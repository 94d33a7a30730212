// An object of each kind that can be made, and the commands that work on a file of them.
import { dump } from 'js-yaml';
import { expect } from 'vitest';
import type { KubectlRunner } from './kubectl-runner.ts';

/** How kubectl names each, and the object. The first is the namespace of the others. */
function objects(namespace: string): [string, Record<string, unknown>][] {
  const metadata = { name: 'all' };
  const rbac = 'rbac.authorization.k8s.io/v1';
  const role = { apiGroup: 'rbac.authorization.k8s.io', name: 'all' };
  const user = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'somebody' };
  const about = { kind: 'Pod', name: 'x', namespace };
  return [
    [`namespace/${namespace}`, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }],
    ['configmap/all', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } }],
    ['secret/all', { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { a: 'b' } }],
    ['serviceaccount/all', { apiVersion: 'v1', kind: 'ServiceAccount', metadata }],
    ['service/all', { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } }],
    [
      'lease.coordination.k8s.io/all',
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec: { holderIdentity: 'me', leaseDurationSeconds: 30 },
      },
    ],
    [
      'event/all-core',
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'all-core' },
        involvedObject: about,
        reason: 'Test',
        message: 'hello',
        type: 'Normal',
      },
    ],
    [
      'event.events.k8s.io/all-new',
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'all-new' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'c',
        reportingInstance: 'i',
        action: 'a',
        reason: 'Test',
        regarding: about,
        note: 'hello',
        type: 'Normal',
      },
    ],
    [
      'limitrange/all',
      { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
    ],
    [
      `priorityclass.scheduling.k8s.io/${namespace}`,
      { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: namespace }, value: 5 },
    ],
    [
      `runtimeclass.node.k8s.io/${namespace}`,
      { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: namespace }, handler: 'runc' },
    ],
    [
      `node/${namespace}`,
      { apiVersion: 'v1', kind: 'Node', metadata: { name: namespace }, spec: { unschedulable: true } },
    ],
    [
      'role.rbac.authorization.k8s.io/all',
      { apiVersion: rbac, kind: 'Role', metadata, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    ],
    [
      'rolebinding.rbac.authorization.k8s.io/all',
      { apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef: { ...role, kind: 'Role' }, subjects: [user] },
    ],
    [
      `clusterrole.rbac.authorization.k8s.io/${namespace}`,
      { apiVersion: rbac, kind: 'ClusterRole', metadata: { name: namespace }, rules: [] },
    ],
    [
      `clusterrolebinding.rbac.authorization.k8s.io/${namespace}`,
      {
        apiVersion: rbac,
        kind: 'ClusterRoleBinding',
        metadata: { name: namespace },
        roleRef: { ...role, kind: 'ClusterRole' },
        subjects: [user],
      },
    ],
    [
      'pod/all',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        spec: { nodeSelector: { no: 'node' }, containers: [{ name: 'c', image: 'busybox:1.28' }] },
      },
    ],
  ];
}

/** Creates, gets, describes and deletes a file with one object of each kind. */
export async function kubectlOnKinds(kubectl: KubectlRunner, namespace: string): Promise<void> {
  const all = objects(namespace);
  const names = all.map(([name]) => name);
  // A kind that is served and not in the list would go untested.
  const served = await kubectl(['api-resources', '--verbs=create,delete', '--no-headers']);
  const kinds = new Set(all.map(([, { kind }]) => kind));
  expect(
    new Set(
      served
        .trimEnd()
        .split('\n')
        .map((row) => row.split(/\s+/).at(-1)),
    ),
  ).toEqual(kinds);
  const documents = all.map(([, object]) => dump(object));
  const yaml = documents.join('---\n');
  const at = ['-n', namespace, '-f', '-'];
  expect(await kubectl(['create', ...at], yaml)).toBe(names.map((name) => `${name} created\n`).join(''));
  const again = await kubectl.attempt(['create', ...at], yaml);
  expect(again.stderr.match(/\(AlreadyExists\)/g)).toHaveLength(names.length);
  expect(await kubectl(['get', ...at, '-o', 'name'], yaml)).toBe(names.map((name) => `${name}\n`).join(''));
  expect(await kubectl(['get', ...at], yaml)).toMatch(/NAME\s+TYPE\s+DATA\s+AGE\nsecret\/all\s+Opaque\s+1/);
  const described = await kubectl(['describe', ...at], yaml);
  for (const name of names) expect(described).toMatch(new RegExp(`^Name:\\s+${name.split('/')[1]}$`, 'm'));
  // The namespace last: it takes what is in it along.
  const gone = await kubectl(['delete', ...at, '--timeout=30s'], documents.reverse().join('---\n'));
  expect(gone.match(/ deleted/g)).toHaveLength(names.length);
  expect((await kubectl.attempt(['get', ...at], yaml)).stderr.match(/\(NotFound\)/g)).toHaveLength(names.length);
}
