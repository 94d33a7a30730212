// Validation of Ingresses. Follows ValidateIngress and its parts in pkg/apis/networking/validation/validation.go of v1.36.

import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressLoadBalancerStatus,
  IngressRule,
  IngressTLS,
  TypedLocalObjectReference,
} from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { parseIp } from '../../meta/ip-address.ts';
import {
  dns1123Subdomain,
  nameIsLabel,
  nameIsSubdomain,
  pathSegmentName,
  portName,
  portNumber,
  wildcardSubdomain,
} from '../../meta/names.ts';
import { invalidEach, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { asGiven } from '../../schema/given-empty.ts';
import { metaOf } from '../common.ts';
import { ipErrors } from '../pod/validation/shared.ts';

/** How a class was named before there was a field. */
export const classAnnotation = 'kubernetes.io/ingress.class';

const specPath = new FieldPath('spec');
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEnds = ['/..', '/.'];

/** What objects that were let in by older rules may keep. */
interface Leniency {
  secretNames: boolean;
  wildcardRules: boolean;
}

const strict: Leniency = { secretNames: false, wildcardRules: false };

const secretNameMessages = (name = ''): string[] => (name === '' ? [] : nameIsSubdomain(name, false));

function hostErrors(at: FieldPath, host: string): FieldError[] {
  const messages = host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host);
  return invalidEach(at, host, messages);
}

const notAnAddress = (at: FieldPath, host: string): FieldError[] =>
  parseIp(host) === undefined ? [] : [invalid(at, host, 'must be a DNS name, not an IP address')];

function validateTls(tls: readonly IngressTLS[], leniency: Leniency): FieldError[] {
  return tls.flatMap(({ hosts = [], secretName }, i) => {
    const at = specPath.child('tls').index(i);
    const errors = hosts.flatMap((host, j) => hostErrors(at.child('hosts').index(j), host));
    if (leniency.secretNames) return errors;
    return [...errors, ...invalidEach(at.child('secretName'), secretName ?? '', secretNameMessages(secretName))];
  });
}

/** A reference to an object of any kind in the same namespace. */
export function validateLocalReference(at: FieldPath, reference: TypedLocalObjectReference): FieldError[] {
  const { apiGroup, kind, name } = reference;
  const segment = (field: string, value: string): FieldError[] =>
    value === '' ? [required(at.child(field))] : invalidEach(at.child(field), value, pathSegmentName(value));
  return [
    ...(apiGroup === undefined ? [] : invalidEach(at.child('apiGroup'), apiGroup, dns1123Subdomain(apiGroup))),
    ...segment('kind', kind ?? ''),
    ...segment('name', name ?? ''),
  ];
}

function validateService(at: FieldPath, service: NonNullable<IngressBackend['service']>): FieldError[] {
  const { name = '', port: { name: namedPort = '', number = 0 } = {} } = service;
  const path = at.child('service');
  const errors =
    name === '' ? [required(path.child('name'))] : invalidEach(path.child('name'), name, nameIsLabel(name, false));
  if (namedPort !== '' && number !== 0) return [...errors, invalid(at, '', 'cannot set both port name & port number')];
  if (namedPort !== '') return [...errors, ...invalidEach(path.child('port', 'name'), namedPort, portName(namedPort))];
  if (number === 0) return [...errors, required(at, 'port name or number is required')];
  return [...errors, ...portNumber(number).map((message) => invalid(path.child('port', 'number'), number, message))];
}

function validateBackend(at: FieldPath, { resource, service }: IngressBackend): FieldError[] {
  if (resource && service) return [invalid(at, '', 'cannot set both resource and service backends')];
  if (resource) return validateLocalReference(at.child('resource'), resource);
  return service ? validateService(at, service) : [invalid(at, '', 'resource or service backend is required')];
}

function pathErrors(at: FieldPath, path: string, pathType: string): FieldError[] {
  const absolute = path.startsWith('/') ? [] : [invalid(at, path, 'must be an absolute path')];
  if (pathType === 'ImplementationSpecific') return path === '' ? [] : absolute;
  return [
    ...absolute,
    ...badSequences.filter((one) => path.includes(one)).map((one) => invalid(at, path, `must not contain '${one}'`)),
    ...badEnds.filter((one) => path.endsWith(one)).map((one) => invalid(at, path, `cannot end with '${one}'`)),
  ];
}

function validatePath(at: FieldPath, { path = '', pathType, backend }: HTTPIngressPath): FieldError[] {
  if (pathType === undefined) return [required(at.child('pathType'), 'pathType must be specified')];
  const errors = pathTypes.includes(pathType)
    ? pathErrors(at.child('path'), path, pathType)
    : [notSupported(at.child('pathType'), pathType, pathTypes)];
  return [...errors, ...validateBackend(at.child('backend'), backend ?? {})];
}

function validateRuleValue(at: FieldPath, { http }: IngressRule): FieldError[] {
  if (!http) return [];
  const paths = at.child('http', 'paths');
  if (!http.paths?.length) return [required(paths)];
  return http.paths.flatMap((one, i) => validatePath(paths.index(i), one));
}

function validateRules(rules: readonly IngressRule[], leniency: Leniency): FieldError[] {
  return rules.flatMap((rule, i) => {
    const at = specPath.child('rules').index(i);
    const { host = '' } = rule;
    const ofHost = host === '' ? [] : [...notAnAddress(at.child('host'), host), ...hostErrors(at.child('host'), host)];
    const isLenient = leniency.wildcardRules && host.includes('*');
    return [...ofHost, ...(isLenient ? [] : validateRuleValue(at, rule))];
  });
}

function validateIngress(ingress: Ingress, leniency: Leniency): FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = ingress.spec ?? {};
  const errors = validateObjectMeta(metaOf(ingress), true, nameIsSubdomain);
  if (rules.length === 0 && !defaultBackend)
    errors.push(
      invalid(specPath, asGiven(ingress.spec ?? {}, 'rules'), 'either `defaultBackend` or `rules` must be specified'),
    );
  if (defaultBackend) errors.push(...validateBackend(specPath.child('defaultBackend'), defaultBackend));
  errors.push(...validateRules(rules, leniency), ...validateTls(tls, leniency));
  if (ingressClassName !== undefined) {
    const at = specPath.child('ingressClassName');
    errors.push(...invalidEach(at, ingressClassName, nameIsSubdomain(ingressClassName, false)));
  }
  return errors;
}

export function validateIngressCreate(ingress: Ingress): FieldError[] {
  const errors = validateIngress(ingress, strict);
  const annotation = ingress.metadata?.annotations?.[classAnnotation];
  const field = ingress.spec?.ingressClassName;
  if (annotation === undefined || field === undefined || annotation === field) return errors;
  const at = new FieldPath('annotations').child(classAnnotation);
  return [...errors, invalid(at, annotation, 'must match `ingressClassName` when both are specified')];
}

export function validateIngressUpdate(ingress: Ingress, old: Ingress): FieldError[] {
  const leniency: Leniency = {
    secretNames: (old.spec?.tls ?? []).some(({ secretName }) => secretNameMessages(secretName).length > 0),
    wildcardRules: (old.spec?.rules ?? []).some(
      (rule) => rule.host?.includes('*') && validateRuleValue(specPath, rule).length > 0,
    ),
  };
  return [...validateObjectMetaUpdate(metaOf(ingress), metaOf(old)), ...validateIngress(ingress, leniency)];
}

/** What the controller says of where it serves the ingress. */
export function validateLoadBalancer(
  status: IngressLoadBalancerStatus | undefined,
  old: IngressLoadBalancerStatus | undefined,
): FieldError[] {
  const kept = (old?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return (status?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const at = new FieldPath('status').child('loadBalancer', 'ingress').index(i);
    const name = at.child('hostname');
    return [
      ...(ip ? ipErrors(at.child('ip'), ip, kept) : []),
      ...(hostname
        ? [...invalidEach(name, hostname, dns1123Subdomain(hostname)), ...notAnAddress(name, hostname)]
        : []),
    ];
  });
}
