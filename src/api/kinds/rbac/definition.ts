// Role, ClusterRole, RoleBinding and ClusterRoleBinding. Follows pkg/registry/rbac, pkg/apis/rbac/v1/defaults.go and
// pkg/printers/internalversion of v1.36.

import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from '../../generated/types.ts';
import { pathSegmentName } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/types.ts';
import type { KindDefinition, TableColumn } from '../../scheme.ts';
import { ageColumn, allVerbs, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { rbacGroup, validateAggregation, validateBindingTargets, validateRules, validateSameRole } from './validate.ts';

const common = { group: rbacGroup, version: 'v1', shortNames: [], categories: [], verbs: allVerbs };
const named = { name: pathSegmentName, validateName: pathSegmentName };

const createdColumn: TableColumn = {
  name: 'Created At',
  type: 'date',
  description: 'When the object was created.',
  priority: 0,
  cell: (object: KubeObject) => object.metadata?.creationTimestamp ?? '<unknown>',
};

export const roleKind: KindDefinition<Role> = {
  ...common,
  kind: 'Role',
  resource: 'roles',
  singular: 'role',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.Role',
  validateName: named.validateName,
  strategy: {
    ...simpleStrategy<Role>({ namespaced: true, name: named.name, check: ({ rules }) => validateRules(rules, true) }),
    allowCreateOnUpdate: true,
  },
  columns: [nameColumn, createdColumn],
};

export const clusterRoleKind: KindDefinition<ClusterRole> = {
  ...common,
  kind: 'ClusterRole',
  resource: 'clusterroles',
  singular: 'clusterrole',
  namespaced: false,
  definition: 'io.k8s.api.rbac.v1.ClusterRole',
  validateName: named.validateName,
  strategy: {
    ...simpleStrategy<ClusterRole>({
      namespaced: false,
      name: named.name,
      check: (role) => [...validateRules(role.rules, false), ...validateAggregation(role)],
    }),
    allowCreateOnUpdate: true,
  },
  columns: [nameColumn, createdColumn],
};

type Binding = RoleBinding | ClusterRoleBinding;

/** Names of users and groups are in the RBAC group, service accounts in the core group. */
function bindingDefaults(binding: Binding): void {
  binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? [])
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = rbacGroup;
}

const subjectsColumn = (
  name: string,
  kind: string,
  show: (subject: Subject) => string = ({ name: own }) => own,
): TableColumn<Binding> =>
  textColumn<Binding>(
    name,
    `Subjects of the kind ${kind} that get the role.`,
    ({ subjects }) =>
      (subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map(show)
        .join(', '),
    true,
  );

const bindingColumns: readonly TableColumn<Binding>[] = [
  nameColumn,
  textColumn<Binding>('Role', 'The role that is given.', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  subjectsColumn('Users', 'User'),
  subjectsColumn('Groups', 'Group'),
  subjectsColumn('ServiceAccounts', 'ServiceAccount', ({ namespace = '', name }) => `${namespace}/${name}`),
];

export const roleBindingKind: KindDefinition<RoleBinding> = {
  ...common,
  kind: 'RoleBinding',
  resource: 'rolebindings',
  singular: 'rolebinding',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.RoleBinding',
  validateName: named.validateName,
  defaults: bindingDefaults,
  strategy: {
    ...simpleStrategy<RoleBinding>({
      namespaced: true,
      name: named.name,
      check: (binding) => validateBindingTargets(binding, true),
      checkUpdate: validateSameRole,
      newFirst: true,
    }),
    allowCreateOnUpdate: true,
  },
  columns: bindingColumns,
};

export const clusterRoleBindingKind: KindDefinition<ClusterRoleBinding> = {
  ...common,
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  namespaced: false,
  definition: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  validateName: named.validateName,
  defaults: bindingDefaults,
  strategy: {
    ...simpleStrategy<ClusterRoleBinding>({
      namespaced: false,
      name: named.name,
      check: (binding) => validateBindingTargets(binding, false),
      checkUpdate: validateSameRole,
      newFirst: true,
    }),
    allowCreateOnUpdate: true,
  },
  columns: bindingColumns,
};
