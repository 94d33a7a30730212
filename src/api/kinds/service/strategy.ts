// What may be done to Services. Follows pkg/registry/core/service/strategy.go of v1.36.

import type { Service } from '../../generated/types.ts';
import type { Strategy } from '../../scheme.ts';
import { assign, metaOf } from '../common.ts';
import { validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { agreeOnAddresses, dropOfOldType, isHeadless, keepAllocated, setFamilies, specOf } from './allocation.ts';
import { validateService, validateServiceUpdate } from './validate.ts';

/** What upstream warns of. Follows pkg/api/service/warnings.go; addresses in odd forms are not looked for. */
function deprecations(service: Service): string[] {
  const { type, externalIPs = [], externalName, loadBalancerIP, sessionAffinity, ...spec } = specOf(service);
  const headless = type === 'ClusterIP' && isHeadless({ ...spec, type });
  const isNamed = type === 'ExternalName';
  const warnings: [boolean, string][] = [
    [headless && Boolean(loadBalancerIP), 'spec.loadBalancerIP is ignored for headless services'],
    [headless && externalIPs.length > 0, 'spec.externalIPs is ignored for headless services'],
    [headless && sessionAffinity !== 'None', 'spec.SessionAffinity is ignored for headless services'],
    [
      externalIPs.length > 0 && !headless && !isNamed,
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    ],
    [isNamed && externalIPs.length > 0, 'spec.externalIPs is ignored when spec.type is "ExternalName"'],
    [!isNamed && Boolean(externalName), 'spec.externalName is ignored when spec.type is not "ExternalName"'],
    [
      spec.trafficDistribution === 'PreferClose',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  ];
  return warnings.flatMap(([applies, text]) => (applies ? [text] : []));
}

/** What of it does nothing yet: there is no service proxy, and no cluster DNS. */
function idleFields(service: Service): string[] {
  const spec = specOf(service);
  const idle = (field: string, why: string): string => `spec.${field}: accepted but not acted on: ${why}`;
  const [proxy, dns] = ['there is no service proxy yet', 'there is no cluster DNS yet'];
  if (spec.type === 'ExternalName') return [idle('externalName', dns)];
  if (isHeadless(spec)) return [idle('clusterIP', dns)];
  return [
    idle('clusterIP', `${proxy}; pods find it in their environment only`),
    ...(spec.type === 'NodePort' || spec.type === 'LoadBalancer' ? [idle('type', proxy)] : []),
    ...(spec.externalIPs?.length ? [idle('externalIPs', proxy)] : []),
    ...(spec.sessionAffinity === 'ClientIP' ? [idle('sessionAffinity', proxy)] : []),
  ];
}

export const serviceStrategy: Strategy<Service> = {
  resetFields: [['status']],
  prepareForCreate(service) {
    service.status = { loadBalancer: {} };
    agreeOnAddresses(service);
    setFamilies(service);
  },
  validateCreate: (service) => validateService(service),
  prepareForUpdate(service, old) {
    assign(service, 'status', old.status);
    agreeOnAddresses(service, old);
    keepAllocated(service, old);
    dropOfOldType(service, old);
    agreeOnAddresses(service);
    setFamilies(service);
  },
  validateUpdate: validateServiceUpdate,
  warnings: (service, old) => [...deprecations(service), ...(old === undefined ? idleFields(service) : [])],
  allowUnconditionalUpdate: true,
};

export const serviceStatusStrategy: Strategy<Service> = {
  resetFields: [['spec']],
  validateCreate: () => [],
  prepareForUpdate(service, old) {
    assign(service, 'spec', old.spec);
  },
  validateUpdate: (service, old) => validateObjectMetaUpdate(metaOf(service), metaOf(old)),
};
