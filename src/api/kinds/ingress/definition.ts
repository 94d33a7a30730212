// The Ingress kind. Follows pkg/registry/networking/ingress of v1.36.

import type { Ingress } from '../../generated/types.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { allVerbs, assign, countSpecChange, metaOf, statusVerbs } from '../common.ts';
import { ingressColumns } from './printer.ts';
import { classAnnotation, validateIngressCreate, validateIngressUpdate, validateLoadBalancer } from './validate.ts';

/** The old way to name a class still works, and is told about. */
function warnings({ metadata, spec }: Ingress, old: Ingress | undefined): string[] {
  const isOldWay = metadata?.annotations?.[classAnnotation] !== undefined && spec?.ingressClassName === undefined;
  return old === undefined && isOldWay
    ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
    : [];
}

const strategy: Strategy<Ingress> = {
  resetFields: [['status']],
  prepareForCreate(ingress) {
    ingress.status = { loadBalancer: {} };
  },
  validateCreate: validateIngressCreate,
  prepareForUpdate(ingress, old) {
    assign(ingress, 'status', old.status);
    countSpecChange(ingress, old);
  },
  validateUpdate: validateIngressUpdate,
  warnings,
};

const statusStrategy: Strategy<Ingress> = {
  resetFields: [['spec']],
  validateCreate: () => [],
  prepareForUpdate(ingress, old) {
    assign(ingress, 'spec', old.spec);
  },
  validateUpdate: (ingress, old) => [
    ...validateObjectMetaUpdate(metaOf(ingress), metaOf(old)),
    ...validateLoadBalancer(ingress.status?.loadBalancer, old.status?.loadBalancer),
  ],
};

export const ingressKind: KindDefinition<Ingress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  resource: 'ingresses',
  singular: 'ingress',
  shortNames: ['ing'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.networking.v1.Ingress',
  hasGeneration: true,
  strategy,
  columns: ingressColumns,
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
