// Decides by roles and bindings, beside the fixed rights of Peapod's own components.
// Follows plugin/pkg/auth/authorizer/rbac/rbac.go of v1.36.

import { type Authorizer, createAuthorizer } from './authorizer.ts';
import { componentRules } from './bootstrap-rules.ts';
import { missingRules } from './cover.ts';
import type { RoleIndex } from './role-index.ts';

export function createRbacAuthorizer(roles: RoleIndex): Authorizer {
  const byRoles = createAuthorizer(roles.rulesOf, roles.generation);
  const fixed = createAuthorizer(componentRules);
  return {
    ...createAuthorizer((user) => [...componentRules(user), ...roles.rulesOf(user)], roles.generation),
    rules(user, namespace) {
      const held = byRoles.rules(user, namespace);
      // What roles give is told once, as upstream does, though it holds without them.
      return [...fixed.rules(user, namespace).filter((rule) => missingRules(held, [rule]).length > 0), ...held];
    },
    whyNot(user, { namespace }) {
      const missing = roles.missingRoles(user, namespace);
      if (missing.length === 0) return '';
      return `RBAC: ${missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`}`;
    },
  };
}
