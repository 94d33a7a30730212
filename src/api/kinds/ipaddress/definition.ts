// The IPAddress kind: an address of services that is taken. Follows pkg/registry/networking/ipaddress and pkg/apis/networking of v1.36.

import type { IPAddress, ParentReference } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { canonicalIpMessages } from '../../meta/ip-address.ts';
import { dns1123Subdomain, pathSegmentName } from '../../meta/names.ts';
import { immutableMessage, invalidEach } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { internalForm } from '../internal-form.ts';

const parentPath = new FieldPath('spec').child('parentRef');

function validateParent(parent: ParentReference | undefined): FieldError[] {
  if (!parent) return [required(parentPath)];
  const { group = '', resource = '', name = '', namespace = '' } = parent;
  const segment = (field: string, value: string): FieldError[] =>
    invalidEach(parentPath.child(field), value, value === '' ? [] : pathSegmentName(value));
  return [
    ...(group === '' ? [] : invalidEach(parentPath.child('group'), group, dns1123Subdomain(group))),
    ...(resource === '' ? [required(parentPath.child('resource'))] : segment('resource', resource)),
    ...(name === '' ? [required(parentPath.child('name'))] : segment('name', name)),
    ...segment('namespace', namespace),
  ];
}

/** services/default/kubernetes */
function parentText({ spec }: IPAddress): string {
  if (!spec?.parentRef) return '<none>';
  const { group, resource = '', namespace, name = '' } = spec.parentRef;
  const kind = (group ? `${resource}.${group}` : resource).toLowerCase();
  return [kind, ...(namespace ? [namespace] : []), name].join('/');
}

export const ipAddressKind: KindDefinition<IPAddress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  resource: 'ipaddresses',
  singular: 'ipaddress',
  shortNames: ['ip'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.networking.v1.IPAddress',
  strategy: simpleStrategy<IPAddress>({
    namespaced: false,
    name: canonicalIpMessages,
    check: ({ spec }) => validateParent(spec?.parentRef),
    newFirst: true,
    checkUpdate: ({ spec }, old) =>
      equalJson(spec?.parentRef, old.spec?.parentRef)
        ? []
        : [
            invalid(
              parentPath,
              spec?.parentRef ? internalForm('ParentReference', spec.parentRef) : null,
              immutableMessage,
            ),
          ],
  }),
  columns: [nameColumn, textColumn<IPAddress>('ParentRef', 'What the address belongs to.', parentText)],
};
