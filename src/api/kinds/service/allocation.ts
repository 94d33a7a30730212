// Which addresses and ports a service is given, and what becomes of them when it changes. Pure.
// Follows pkg/registry/core/service/strategy.go and storage/alloc.go of v1.36 for a cluster of IPv4 alone.

import type { Service, ServicePort, ServiceSpec } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { assign } from '../common.ts';

export const noAddress = 'None';

export const specOf = (service: Service): ServiceSpec => (service.spec ??= {});

/** Whether the type has addresses of its own, or says that it wants none. */
export const hasAddresses = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';

export const isHeadless = (spec: ServiceSpec): boolean => hasAddresses(spec) && spec.clusterIP === noAddress;

export const needsNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
  type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);

/** Whether clients outside the cluster are meant to reach it. */
export const isExternal = ({ type, externalIPs }: ServiceSpec): boolean =>
  type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);

const portKey = ({ protocol = 'TCP', port }: ServicePort): string => `${protocol}/${port}`;

/** What was given before stays where the update leaves it open. */
export function keepAllocated(service: Service, old: Service): void {
  const [spec, before] = [specOf(service), specOf(old)];
  if (hasAddresses(spec) && hasAddresses(before)) {
    if (!spec.clusterIP) assign(spec, 'clusterIP', before.clusterIP);
    if (!spec.clusterIPs?.length && spec.clusterIP === before.clusterIP)
      assign(spec, 'clusterIPs', before.clusterIPs && [...before.clusterIPs]);
  }
  if (!needsNodePorts(spec) || !needsNodePorts(before)) return;
  const given = new Map((before.ports ?? []).map((port) => [portKey(port), port.nodePort ?? 0]));
  const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of spec.ports ?? []) {
    const kept = given.get(portKey(port));
    if (!port.nodePort && kept && !used.has(kept)) port.nodePort = kept;
  }
}

/** What only the type of before had goes, unless the update has changed it by itself. */
export function dropOfOldType(service: Service, old: Service): void {
  const [spec, before] = [specOf(service), specOf(old)];
  const same = (key: keyof ServiceSpec): boolean => equalJson(spec[key], before[key]);
  if (hasAddresses(before) && !hasAddresses(spec) && same('clusterIP') && same('clusterIPs'))
    for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const)
      delete spec[key];
  if (needsNodePorts(before) && !needsNodePorts(spec)) {
    const given = new Set((before.ports ?? []).map(({ nodePort }) => nodePort));
    for (const port of spec.ports ?? []) if (given.has(port.nodePort)) delete port.nodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) if (same(key)) delete spec[key];
  if (isExternal(before) && !isExternal(spec) && same('externalTrafficPolicy')) delete spec.externalTrafficPolicy;
}

/** The single address and the list of addresses say the same in the end: the one that was changed counts. */
export function agreeOnAddresses(service: Service, old?: Service): void {
  const spec = specOf(service);
  const { clusterIP = '', clusterIPs = [] } = spec;
  if (old === undefined) {
    if (clusterIP !== '' && clusterIPs.length === 0) spec.clusterIPs = [clusterIP];
    return;
  }
  const before = specOf(old);
  const changed = clusterIP !== (before.clusterIP ?? '');
  if (!changed || !equalJson(clusterIPs, before.clusterIPs ?? [])) return;
  if (clusterIP === '') delete spec.clusterIPs;
  else spec.clusterIPs = [clusterIP];
}

/** The families that addresses are of, where the client left them open: IPv4, or for a headless service without pods of its own both. */
export function setFamilies(service: Service): void {
  const spec = specOf(service);
  if (!hasAddresses(spec)) return;
  const both = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= both ? 'RequireDualStack' : 'SingleStack';
  if (!spec.ipFamilies?.length) spec.ipFamilies = both ? ['IPv4', 'IPv6'] : ['IPv4'];
}
