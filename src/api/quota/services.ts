// How services count against quotas. Follows pkg/quota/v1/evaluator/core/services.go of v1.36.

import type { Service } from '../generated/types.ts';
import { quantityOf } from '../meta/quantity.ts';
import { zero } from './amounts.ts';
import { one, type QuotaEvaluator } from './evaluator.ts';

const names = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

/** The node ports that it has or will be given. */
function nodePorts({ spec }: Service): number {
  const ports = spec?.ports ?? [];
  switch (spec?.type) {
    case 'NodePort':
      return ports.length;
    case 'LoadBalancer':
      return spec.allocateLoadBalancerNodePorts === false
        ? ports.filter(({ nodePort = 0 }) => nodePort !== 0).length
        : ports.length;
    default:
      return 0;
  }
}

export const serviceEvaluator: QuotaEvaluator = {
  // The type may change by an update.
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matching: (limited) => [...limited].filter((name) => names.includes(name)),
  inScope: () => false,
  unmet: () => undefined,
  usage: (service: Service) =>
    new Map([
      ['count/services', one],
      ['services', one],
      ['services.nodeports', quantityOf(nodePorts(service))],
      ['services.loadbalancers', service.spec?.type === 'LoadBalancer' ? one : zero],
    ]),
};
