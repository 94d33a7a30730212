// The rules that roles and bindings give a user, found by subject in an index beside the watch caches.
// Follows pkg/registry/rbac/validation/rule.go (VisitRulesFor, appliesToUser) of v1.36.

import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from '../../api/generated/types.ts';
import { rbacGroup } from '../../api/kinds/rbac/validate.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { CacheFeed } from '../registry/cache-feed.ts';
import type { ObjectVersion } from '../registry/object-version.ts';
import type { ResourceCache } from '../registry/resource-cache.ts';
import type { UserInfo } from '../request.ts';
import { objectKey, type ResourceInfo, type ResourceTable } from '../resources.ts';
import type { PolicyRule as HeldRule } from './authorizer.ts';

/** What roles say. Synchronous: all of it is in memory. */
export interface RoleIndex {
  /** Every rule that bindings give the user; those of a RoleBinding hold in its namespace only. */
  rulesOf(user: UserInfo): HeldRule[];
  /** What there is to say of roles that the user's bindings name and that are not there. */
  missingRoles(user: UserInfo, namespace: string): string[];
  /** The rules of the role that a binding in that namespace ('' for a ClusterRoleBinding) names; undefined when it is missing. */
  rulesOfRole(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
  /** Grows with every change of a role or binding. */
  generation(): number;
}

interface Grant {
  namespace: string;
  role: RoleRef;
  /** Binding and subject, as a reason names them. */
  source: string;
}

type Binding = RoleBinding | ClusterRoleBinding;

/** The subjects of a binding: an id such as `User:jane` or `Group:dev` (a service account is its user name), and how a reason names it. */
function subjectsOf(binding: Binding, namespace: string): { id: string; shown: string }[] {
  return (binding.subjects ?? []).flatMap((subject) => {
    switch (subject.kind) {
      case 'User':
      case 'Group':
        return [{ id: `${subject.kind}:${subject.name}`, shown: `${subject.kind} ${goQuote(subject.name)}` }];
      case 'ServiceAccount': {
        const home = subject.namespace || namespace;
        const id = `User:system:serviceaccount:${home}:${subject.name}`;
        return home === '' ? [] : [{ id, shown: `ServiceAccount ${goQuote(`${subject.name}/${home}`)}` }];
      }
      default:
        return [];
    }
  });
}

/** Bindings by subject, kept by the two caches of bindings. */
class Grants {
  readonly #bySubject = new Map<string, Map<string, Grant>>();

  clear(cache: ResourceCache): void {
    for (const [subject, grants] of this.#bySubject) {
      for (const key of grants.keys()) if (key.startsWith(cache.info.keyPrefix)) grants.delete(key);
      if (grants.size === 0) this.#bySubject.delete(subject);
    }
  }

  add(version: ObjectVersion): void {
    const binding = version.object() as Binding;
    const { namespace } = version;
    const { kind, name } = binding.roleRef;
    const own = binding.metadata?.name ?? '';
    const shown =
      namespace === '' ? `ClusterRoleBinding ${goQuote(own)}` : `RoleBinding ${goQuote(`${own}/${namespace}`)}`;
    for (const subject of subjectsOf(binding, namespace)) {
      const source = `${shown} of ${kind} ${goQuote(name)} to ${subject.shown}`;
      const grant = { namespace, role: binding.roleRef, source };
      const known = this.#bySubject.get(subject.id);
      if (known === undefined) this.#bySubject.set(subject.id, new Map([[version.key, grant]]));
      else known.set(version.key, grant);
    }
  }

  remove(version: ObjectVersion): void {
    for (const { id } of subjectsOf(version.object() as Binding, version.namespace)) {
      const known = this.#bySubject.get(id);
      known?.delete(version.key);
      if (known?.size === 0) this.#bySubject.delete(id);
    }
  }

  /** The grants of a user, each binding once. */
  of(user: UserInfo): Iterable<Grant> {
    const found = new Map(this.#bySubject.get(`User:${user.name}`));
    for (const group of user.groups)
      for (const [key, grant] of this.#bySubject.get(`Group:${group}`) ?? []) found.set(key, grant);
    return found.values();
  }
}

/** The index over the caches of the four kinds; undefined where they are not served. Made before the feed starts. */
export function createRoleIndex(resources: ResourceTable, feed: CacheFeed): RoleIndex | undefined {
  const find = (resource: string): ResourceInfo | undefined => resources.find(rbacGroup, 'v1', resource);
  const [roles, clusterRoles] = [find('roles'), find('clusterroles')];
  const [bindings, clusterBindings] = [find('rolebindings'), find('clusterrolebindings')];
  if (!roles || !clusterRoles || !bindings || !clusterBindings) return undefined;
  const grants = new Grants();
  let generation = 0;
  for (const cache of [feed.cache(bindings), feed.cache(clusterBindings)])
    cache.observe({
      changed(current, previous) {
        generation++;
        if (previous !== undefined) grants.remove(previous);
        if (current !== undefined) grants.add(current);
      },
      loaded() {
        generation++;
        grants.clear(cache);
        for (const version of cache.objects.range(cache.info.keyPrefix)) grants.add(version);
      },
    });
  const roleChanged = (): void => {
    generation++;
  };
  for (const info of [roles, clusterRoles]) feed.cache(info).observe({ changed: roleChanged, loaded: roleChanged });
  const rulesOfRole: RoleIndex['rulesOfRole'] = (role, namespace) => {
    if (role.kind === 'Role' && namespace === '') return undefined;
    const info = role.kind === 'Role' ? roles : clusterRoles;
    const version = feed.cache(info).objects.get(objectKey(info, namespace, role.name));
    return version === undefined ? undefined : ((version.object() as Role | ClusterRole).rules ?? []);
  };
  return {
    rulesOfRole,
    generation: () => generation,
    rulesOf(user) {
      const rules: HeldRule[] = [];
      for (const { namespace, role, source } of grants.of(user))
        for (const rule of rulesOfRole(role, namespace) ?? [])
          rules.push({ ...rule, source, ...(namespace === '' ? {} : { namespace }) });
      return rules;
    },
    missingRoles(user, namespace) {
      const here = [...grants.of(user)].filter((grant) => grant.namespace === '' || grant.namespace === namespace);
      const missing = here.filter(({ role, ...grant }) => rulesOfRole(role, grant.namespace) === undefined);
      return [
        ...new Set(
          missing.map(({ role }) => `${role.kind.toLowerCase()}.${rbacGroup} ${goQuote(role.name)} not found`),
        ),
      ];
    },
  };
}
