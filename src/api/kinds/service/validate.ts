// Validation of Services. Follows ValidateService and ValidateServiceUpdate in pkg/apis/core/validation/validation.go of v1.36
// for a cluster of IPv4 alone.

import type { Service, ServicePort, ServiceSpec } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  duplicate,
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  required,
  tooMany,
} from '../../meta/errors.ts';
import { cidrErrors } from '../../meta/ip-address.ts';
import { dns1123Label, dns1123Subdomain, nameIsLabel, portName, portNumber, qualifiedName } from '../../meta/names.ts';
import { invalidEach, validateLabels, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { ipErrors, oneOf, requiredOneOf } from '../pod/validation/shared.ts';
import { hasAddresses, isExternal, isHeadless, noAddress, specOf } from './allocation.ts';

const path = new FieldPath('spec');
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const policies = ['Cluster', 'Local'];
const maxAffinitySeconds = 86_400;

function validatePort(at: FieldPath, port: ServicePort, isNamed: boolean): FieldError[] {
  const { name = '', protocol, targetPort, appProtocol } = port;
  const errors: FieldError[] = [];
  if (isNamed && name === '') errors.push(required(at.child('name')));
  if (name !== '') errors.push(...invalidEach(at.child('name'), name, dns1123Label(name)));
  for (const message of portNumber(port.port)) errors.push(invalid(at.child('port'), port.port, message));
  errors.push(...requiredOneOf(at.child('protocol'), protocol, ['SCTP', 'TCP', 'UDP']));
  if (typeof targetPort === 'number')
    for (const message of portNumber(targetPort)) errors.push(invalid(at.child('targetPort'), targetPort, message));
  if (typeof targetPort === 'string')
    errors.push(...invalidEach(at.child('targetPort'), targetPort, portName(targetPort)));
  if (appProtocol !== undefined)
    errors.push(...invalidEach(at.child('appProtocol'), appProtocol, qualifiedName(appProtocol)));
  return errors;
}

function duplicatePorts(ports: readonly ServicePort[]): FieldError[] {
  const errors: FieldError[] = [];
  const [names, numbers, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const [i, { name = '', port, protocol = '', nodePort }] of ports.entries()) {
    const at = path.child('ports').index(i);
    if (name !== '' && names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
    if (numbers.has(`${protocol}/${port}`)) errors.push(duplicate(at, { port, protocol }));
    numbers.add(`${protocol}/${port}`);
    if (!nodePort) continue;
    if (nodePorts.has(`${protocol}/${nodePort}`)) errors.push(duplicate(at.child('nodePort'), { nodePort, protocol }));
    nodePorts.add(`${protocol}/${nodePort}`);
  }
  return errors;
}

function validatePorts(spec: ServiceSpec): FieldError[] {
  const ports = spec.ports ?? [];
  const at = path.child('ports');
  if (ports.length === 0 && hasAddresses(spec) && !isHeadless(spec)) return [required(at)];
  const errors = ports.flatMap((port, i) => validatePort(at.index(i), port, ports.length > 1));
  for (const [i, { nodePort }] of ports.entries())
    if (nodePort && (spec.type === 'ClusterIP' || spec.type === 'ExternalName'))
      errors.push(forbiddenField(at.index(i).child('nodePort'), `may not be used when \`type\` is '${spec.type}'`));
  return [...errors, ...duplicatePorts(ports)];
}

function validateAddresses(spec: ServiceSpec): FieldError[] {
  const { clusterIP = '', clusterIPs = [], type } = spec;
  const at = path.child('clusterIPs');
  if (!hasAddresses(spec))
    return [
      ...(clusterIP === ''
        ? []
        : [forbiddenField(path.child('clusterIP'), "may not be set when type is 'ExternalName'")]),
      ...(clusterIPs.length === 0 ? [] : [forbiddenField(at, "may not be set when type is 'ExternalName'")]),
    ];
  if (clusterIPs.length === 0) return clusterIP === '' ? [] : [required(at)];
  const errors: FieldError[] = [];
  if (clusterIP === '') errors.push(required(path.child('clusterIP')));
  else if (clusterIPs[0] !== clusterIP)
    errors.push(invalid(path.child('clusterIP'), clusterIP, 'must match `clusterIPs[0]`'));
  if (clusterIPs.length > 2) errors.push(tooMany(at, clusterIPs.length, 2));
  for (const [i, address] of clusterIPs.entries()) {
    if (address !== noAddress) errors.push(...ipErrors(at.index(i), address));
    else if (clusterIPs.length > 1)
      errors.push(invalid(at.index(i), address, "'None' must be the first and only value"));
    else if (type === 'LoadBalancer' || type === 'NodePort')
      errors.push(invalid(at.index(i), address, `may not be set to 'None' for ${type} services`));
  }
  return errors;
}

function validateFamilies({ ipFamilies = [], ipFamilyPolicy, selector, clusterIP }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const at = path.child('ipFamilies');
  if (ipFamilies.length > 2) errors.push(tooMany(at, ipFamilies.length, 2));
  // Addresses of a headless service without a selector are whatever its makers write.
  if (clusterIP === noAddress && Object.keys(selector ?? {}).length === 0) return errors;
  for (const [i, family] of ipFamilies.entries())
    if (family === 'IPv6') errors.push(invalid(at.index(i), family, 'not configured on this cluster'));
    else errors.push(...oneOf(at.index(i), family, ['IPv4', 'IPv6']));
  if (ipFamilyPolicy !== undefined)
    errors.push(
      ...oneOf(path.child('ipFamilyPolicy'), ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']),
    );
  if (ipFamilyPolicy === 'RequireDualStack')
    errors.push(
      invalid(path.child('ipFamilyPolicy'), ipFamilyPolicy, 'this cluster is not configured for dual-stack services'),
    );
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldError[] {
  const errors = requiredOneOf(path.child('sessionAffinity'), sessionAffinity, ['ClientIP', 'None']);
  const at = path.child('sessionAffinityConfig');
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinity === 'None' && sessionAffinityConfig !== undefined)
    errors.push(forbiddenField(at, `must not be set when session affinity is None`));
  if (sessionAffinity === 'ClientIP' && (seconds === undefined || seconds <= 0 || seconds > maxAffinitySeconds))
    errors.push(
      invalid(
        at.child('clientIP', 'timeoutSeconds'),
        seconds,
        `must be greater than 0 and less than ${maxAffinitySeconds}`,
      ),
    );
  return errors;
}

function validateExternal(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, address] of (spec.externalIPs ?? []).entries())
    errors.push(...ipErrors(path.child('externalIPs').index(i), address));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (spec.type === 'ExternalName') {
    const at = path.child('externalName');
    errors.push(...(name === '' ? [required(at)] : invalidEach(at, name, dns1123Subdomain(name))));
  }
  if (spec.externalTrafficPolicy !== undefined) {
    const at = path.child('externalTrafficPolicy');
    if (isExternal(spec)) errors.push(...requiredOneOf(at, spec.externalTrafficPolicy, policies));
    else errors.push(invalid(at, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  }
  if (spec.internalTrafficPolicy !== undefined)
    errors.push(...oneOf(path.child('internalTrafficPolicy'), spec.internalTrafficPolicy, policies));
  return errors;
}

const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";
const sourceRangesKey = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Where clients may come from: by the field, or else by the annotation that was there before it. Old values may stay. */
function validateSourceRanges(service: Service, old: Service | undefined): FieldError[] {
  const { type, loadBalancerSourceRanges: ranges = [] } = specOf(service);
  const misplaced = (at: FieldPath): FieldError[] =>
    type === 'LoadBalancer' ? [] : [forbiddenField(at, onlyBalanced)];
  if (ranges.length > 0) {
    // Upstream writes this field's path in capitals.
    const at = path.child('LoadBalancerSourceRanges');
    const kept = (old === undefined ? [] : (specOf(old).loadBalancerSourceRanges ?? [])).map((range) => range.trim());
    return [...misplaced(at), ...ranges.flatMap((range, i) => cidrErrors(at.index(i), range.trim(), kept))];
  }
  const text = metaOf(service).annotations?.[sourceRangesKey];
  if (text === undefined) return [];
  const at = new FieldPath('metadata').child('annotations').key(sourceRangesKey);
  const isNew = text !== old?.metadata?.annotations?.[sourceRangesKey] && text.trim() !== '';
  const values = isNew ? text.trim().split(',') : [];
  return [...misplaced(at), ...values.flatMap((value) => cidrErrors(at, value.trim()))];
}

function validateBalancer(service: Service, old: Service | undefined): FieldError[] {
  const { type, loadBalancerClass, allocateLoadBalancerNodePorts } = specOf(service);
  const ranges = validateSourceRanges(service, old);
  const at = path.child('loadBalancerClass');
  if (type === 'LoadBalancer')
    return loadBalancerClass === undefined
      ? ranges
      : [...ranges, ...invalidEach(at, loadBalancerClass, qualifiedName(loadBalancerClass))];
  return [
    ...ranges,
    ...(loadBalancerClass === undefined ? [] : [forbiddenField(at, onlyBalanced)]),
    ...(allocateLoadBalancerNodePorts === undefined
      ? []
      : [forbiddenField(path.child('allocateLoadBalancerNodePorts'), onlyBalanced)]),
  ];
}

function validateSpec(service: Service, old: Service | undefined): FieldError[] {
  const spec = specOf(service);
  const { trafficDistribution } = spec;
  return [
    ...validatePorts(spec),
    ...(spec.selector === undefined ? [] : validateLabels(path.child('selector'), spec.selector)),
    ...validateAffinity(spec),
    ...requiredOneOf(path.child('type'), spec.type, types),
    ...validateAddresses(spec),
    ...validateFamilies(spec),
    ...validateExternal(spec),
    ...validateBalancer(service, old),
    ...(trafficDistribution === undefined
      ? []
      : oneOf(path.child('trafficDistribution'), trafficDistribution, [
          'PreferClose',
          'PreferSameZone',
          'PreferSameNode',
        ])),
  ];
}

export const validateService = (service: Service, old?: Service): FieldError[] => [
  ...validateObjectMeta(metaOf(service), true, nameIsLabel),
  ...validateSpec(service, old),
];

/** An address that a service has stays as long as its type has one. */
function keptAddress(spec: ServiceSpec, before: ServiceSpec): FieldError[] {
  const { clusterIPs = [] } = spec;
  const old = before.clusterIPs?.[0];
  if (!hasAddresses(spec) || !hasAddresses(before) || old === undefined || clusterIPs[0] === old) return [];
  return [invalid(path.child('clusterIPs').index(0), clusterIPs, 'may not change once set')];
}

export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const [spec, before] = [specOf(service), specOf(old)];
  const stays = spec.type === 'LoadBalancer' && before.type === 'LoadBalancer';
  return [
    ...validateObjectMetaUpdate(metaOf(service), metaOf(old)),
    ...keptAddress(spec, before),
    ...(stays && !equalJson(spec.loadBalancerClass, before.loadBalancerClass)
      ? [invalid(path.child('loadBalancerClass'), spec.loadBalancerClass, 'may not change once set')]
      : []),
    ...validateService(service, old),
  ];
}
