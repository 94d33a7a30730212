// Nobody gives rights that he has not himself: checks every write of a role or binding.
// Follows pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased and escalation_check.go of v1.36.

import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/generated/types.ts';
import { rbacGroup } from '../../api/kinds/rbac/validate.ts';
import { forbidden, notFound } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { Authorizer, PolicyRule } from '../authz/authorizer.ts';
import { decided } from '../authz/decided.ts';
import { compactRules, missingRules, quotedList, ruleText } from '../authz/cover.ts';
import type { RoleIndex } from '../authz/role-index.ts';
import { equalJson } from '../registry/same-content.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

export interface EscalationDeps {
  authorizer: Authorizer;
  roles: RoleIndex;
  /** Resolves once the index shows every acknowledged write. */
  caughtUp(): Promise<void>;
}

const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** May the user do this to that role, whatever is in it? */
async function mayAnyway(
  deps: EscalationDeps,
  at: AdmissionAttributes,
  verb: string,
  resource: string,
  name: string,
): Promise<boolean> {
  const request = { verb, group: rbacGroup, resource, subresource: '', namespace: at.namespace, name, path: '' };
  return (await decided(deps.authorizer, deps.caughtUp, at.user, request)).allowed;
}

/** Throws 403 with the rules that the user lacks. */
function confirmHeld(deps: EscalationDeps, at: AdmissionAttributes, rules: readonly PolicyRule[]): void {
  const missing = missingRules(deps.authorizer.rules(at.user, at.namespace), rules);
  if (missing.length === 0) return;
  const lines = [...new Set(compactRules(missing).map(ruleText))].toSorted();
  const who = `user ${goQuote(at.user.name)} (groups=${quotedList(at.user.groups)})`;
  throw forbidden(
    at.resource.qualified,
    at.name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`,
  );
}

/** Whether labels and annotations stay as they are. By its labels a role is gathered into others, so they grant as rules do. */
const sameMarks = ({ metadata: one }: Pick<Role, 'metadata'>, { metadata: other }: Pick<Role, 'metadata'>): boolean =>
  equalJson(one?.labels ?? {}, other?.labels ?? {}) && equalJson(one?.annotations ?? {}, other?.annotations ?? {});

async function checkRole(deps: EscalationDeps, at: AdmissionAttributes): Promise<void> {
  const role = at.object as ClusterRole | Role;
  const old = at.old as ClusterRole | Role | undefined;
  const aggregation = (one: ClusterRole | Role | undefined) =>
    one !== undefined && 'aggregationRule' in one ? one.aggregationRule : undefined;
  const gathers = (one: ClusterRole | Role | undefined) => (aggregation(one)?.clusterRoleSelectors ?? []).length > 0;
  const same =
    old !== undefined &&
    equalJson(role.rules ?? [], old.rules ?? []) &&
    equalJson(aggregation(role), aggregation(old)) &&
    sameMarks(role, old);
  if (same || (await mayAnyway(deps, at, 'escalate', at.resource.kind.resource, at.name))) return;
  confirmHeld(deps, at, role.rules ?? []);
  if ((gathers(role) || gathers(old)) && missingRules(deps.authorizer.rules(at.user, ''), everything).length > 0)
    throw forbidden(at.resource.qualified, at.name, 'must have cluster-admin privileges to use the aggregationRule');
}

async function checkBinding(deps: EscalationDeps, at: AdmissionAttributes): Promise<void> {
  const binding = at.object as ClusterRoleBinding | RoleBinding;
  const old = at.old as ClusterRoleBinding | RoleBinding | undefined;
  const same =
    old !== undefined &&
    equalJson(binding.roleRef, old.roleRef) &&
    equalJson(binding.subjects ?? [], old.subjects ?? []) &&
    sameMarks(binding, old);
  const { roleRef } = binding;
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
  if (same || (await mayAnyway(deps, at, 'bind', resource, roleRef.name))) return;
  await deps.caughtUp();
  const rules = deps.roles.rulesOfRole(roleRef, at.namespace);
  if (rules === undefined) throw notFound({ group: rbacGroup, resource }, roleRef.name);
  confirmHeld(deps, at, rules);
}

/** The plugin; members of system:masters pass. */
export function rbacEscalation(deps: EscalationDeps): AdmissionPlugin {
  return {
    name: 'RbacEscalation',
    concerns: ({ resource }) => resource.kind.group === rbacGroup,
    async mutate(at) {
      if (at.resource.kind.group !== rbacGroup || at.object === undefined) return;
      if (at.user.groups.includes('system:masters')) return;
      if (at.resource.kind.resource.endsWith('bindings')) await checkBinding(deps, at);
      else await checkRole(deps, at);
    },
  };
}
