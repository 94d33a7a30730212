// Makes the default roles and bindings at start, and mends those that lack something.
// Follows pkg/registry/rbac/rest/storage_rbac.go and pkg/registry/rbac/reconciliation of v1.36.

import type { EnabledGates } from '../api/feature-gates.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from '../api/generated/types.ts';
import { rbacGroup } from '../api/kinds/rbac/validate.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { KubeObject, ObjectMeta } from '../api/meta/types.ts';
import type { Transport } from '../api/transport.ts';
import { missingRules } from './authz/cover.ts';
import { defaultBindings, defaultRoles } from './authz/default-policy.ts';
import type { DefaultBinding, DefaultRole } from './authz/policy-rows.ts';

const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';
const marks = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const apiVersion = `${rbacGroup}/v1`;

const metadataOf = (name: string, namespace: string | undefined, labels = {}): ObjectMeta => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels: { ...marks, ...labels },
  annotations: { [autoupdate]: 'true' },
});

function roleObject({ name, namespace, rules, labels, aggregates }: DefaultRole): ClusterRole | Role {
  return {
    apiVersion,
    kind: namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: metadataOf(name, namespace, labels),
    ...(aggregates === undefined
      ? { rules: [...rules] }
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregates]: 'true' } }] } }),
  };
}

function bindingObject({ name, namespace, role, subjects }: DefaultBinding): ClusterRoleBinding | RoleBinding {
  return {
    apiVersion,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: metadataOf(name, namespace),
    roleRef: { apiGroup: rbacGroup, ...role },
    subjects: subjects.map((one) => (one.kind === 'ServiceAccount' ? one : { apiGroup: rbacGroup, ...one })),
  };
}

/** The metadata with the labels and annotations that it lacks; undefined when it lacks none. */
function mendedMetadata(old: KubeObject, wanted: KubeObject): ObjectMeta | undefined {
  const { labels = {}, annotations = {} } = old.metadata ?? {};
  const lacks = (have: Record<string, string>, want: Readonly<Record<string, string>> = {}): boolean =>
    Object.keys(want).some((key) => !Object.hasOwn(have, key));
  if (!lacks(labels, wanted.metadata?.labels) && !lacks(annotations, wanted.metadata?.annotations)) return undefined;
  return {
    ...old.metadata,
    labels: { ...wanted.metadata?.labels, ...labels },
    annotations: { ...wanted.metadata?.annotations, ...annotations },
  };
}

/** The role with what it lacks; what was added to it stays. Undefined when it lacks nothing. */
export function mendedRole<T extends ClusterRole | Role>(old: T, wanted: T): T | undefined {
  const metadata = mendedMetadata(old, wanted);
  const added = missingRules(old.rules ?? [], wanted.rules ?? []);
  const aggregates = 'aggregationRule' in wanted && !('aggregationRule' in old);
  if (metadata === undefined && added.length === 0 && !aggregates) return undefined;
  return {
    ...old,
    metadata: metadata ?? old.metadata,
    rules: [...(old.rules ?? []), ...added],
    ...(aggregates ? { aggregationRule: wanted.aggregationRule } : {}),
  };
}

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** The binding with the subjects that it lacks; undefined when it lacks none. */
export function mendedBinding<T extends ClusterRoleBinding | RoleBinding>(old: T, wanted: T): T | undefined {
  const metadata = mendedMetadata(old, wanted);
  const added = (wanted.subjects ?? []).filter((one) => !(old.subjects ?? []).some((two) => sameSubject(one, two)));
  if (metadata === undefined && added.length === 0) return undefined;
  return { ...old, metadata: metadata ?? old.metadata, subjects: [...(old.subjects ?? []), ...added] };
}

async function ensure<T extends KubeObject>(
  transport: Transport,
  resource: string,
  wanted: T,
  mend: (old: T) => { replace: boolean; object: T } | undefined,
): Promise<void> {
  const { name = '', namespace } = wanted.metadata ?? {};
  const root = `/apis/${apiVersion}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resource}`;
  const path = `${root}/${name}`;
  // Another API server may write the same at once.
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const old = (await transport.request({ method: 'GET', path })) as T;
      if (old.metadata?.annotations?.[autoupdate] === 'false') return;
      const mended = mend(old);
      if (mended === undefined) return;
      if (mended.replace) {
        await transport.request({ method: 'DELETE', path });
        await transport.request({ method: 'POST', path: root, body: mended.object });
      } else {
        await transport.request({ method: 'PUT', path, body: mended.object });
      }
      return;
    } catch (error) {
      if (isApiError(error, 'Conflict') || isApiError(error, 'AlreadyExists')) continue;
      if (!isApiError(error, 'NotFound')) throw error;
    }
    try {
      await transport.request({ method: 'POST', path: root, body: wanted });
      return;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
  throw new Error(`${resource} ${name} changed too often to be reconciled`);
}

/** Roles first: a binding to a role that is not there gives nothing. */
export async function bootstrapRbac(transport: Transport, gates: EnabledGates): Promise<void> {
  await Promise.all(
    defaultRoles(gates).map((row) => {
      const wanted = roleObject(row);
      const resource = row.namespace === undefined ? 'clusterroles' : 'roles';
      return ensure(transport, resource, wanted, (old) => {
        const object = mendedRole(old, wanted);
        return object === undefined ? undefined : { replace: false, object };
      });
    }),
  );
  await Promise.all(
    defaultBindings(gates).map((row) => {
      const wanted = bindingObject(row);
      const resource = row.namespace === undefined ? 'clusterrolebindings' : 'rolebindings';
      return ensure(transport, resource, wanted, (old) => {
        const { kind, name } = old.roleRef;
        if (kind !== wanted.roleRef.kind || name !== wanted.roleRef.name) return { replace: true, object: wanted };
        const object = mendedBinding(old, wanted);
        return object === undefined ? undefined : { replace: false, object };
      });
    }),
  );
}
