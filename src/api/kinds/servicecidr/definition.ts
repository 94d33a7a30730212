// The ServiceCIDR kind: a range of addresses for services. Follows pkg/registry/networking/servicecidr and pkg/apis/networking of v1.36.

import type { ServiceCIDR } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { canonicalCidrErrors } from '../../meta/ip-address.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { immutableMessage, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { asGiven } from '../../schema/given-empty.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  idle,
  keepMetadata,
  metaOf,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';

/** The name of the one that every cluster has, of the range that the API server was started with. */
export const defaultServiceCidrName = 'kubernetes';

const path = new FieldPath('spec').child('cidrs');

const cidrsOf = ({ spec }: ServiceCIDR): readonly string[] => spec?.cidrs ?? [];

function validateCidrs(object: ServiceCIDR): FieldError[] {
  const cidrs = cidrsOf(object);
  const [first = '', second = ''] = cidrs;
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(path, { CIDRs: cidrs }, 'may only hold up to 2 values')];
  const errors = cidrs.flatMap((cidr, i) => canonicalCidrErrors(path.index(i), cidr));
  if (cidrs.length < 2 || first.includes(':') !== second.includes(':')) return errors;
  const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
  return [...errors, invalid(path, cidrs, detail)];
}

/** A range stays as it is; one of the other family may come to a lone one. */
function validateChange(object: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const [now, before] = [cidrsOf(object), cidrsOf(old)];
  const changed = now.flatMap((cidr, i) =>
    i >= before.length || cidr === before[i] ? [] : [invalid(path.index(i), cidr, immutableMessage)],
  );
  if (now.length === before.length) return changed;
  if (before.length === 1 && now.length === 2) return [...changed, ...validateCidrs(object)];
  return [invalid(path, asGiven(object.spec ?? {}, 'cidrs'), immutableMessage)];
}

const strategy: Strategy<ServiceCIDR> = {
  resetFields: [['status']],
  validateCreate: (object) => [...validateObjectMeta(metaOf(object), false, nameIsSubdomain), ...validateCidrs(object)],
  validateUpdate: (object, old) => [
    ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
    ...validateChange(object, old),
  ],
  warnings: (object, old) =>
    old === undefined && cidrsOf(object).some((cidr) => cidr.includes(':'))
      ? [idle('spec.cidrs', 'services get IPv4 addresses only')]
      : [],
};

const statusStrategy: Strategy<ServiceCIDR> = {
  resetFields: [['metadata'], ['spec']],
  validateCreate: () => [],
  prepareForUpdate(object, old) {
    assign(object, 'spec', old.spec);
    keepMetadata(object, old);
  },
  validateUpdate: (object, old) => validateObjectMetaUpdate(metaOf(object), metaOf(old)),
};

export const serviceCidrKind: KindDefinition<ServiceCIDR> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  resource: 'servicecidrs',
  singular: 'servicecidr',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.networking.v1.ServiceCIDR',
  strategy,
  columns: [
    nameColumn,
    textColumn<ServiceCIDR>('CIDRs', 'The ranges.', (object) => cidrsOf(object).join(',')),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
