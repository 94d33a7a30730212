// Validation of NetworkPolicies. Follows ValidateNetworkPolicy and its parts in pkg/apis/networking/validation/validation.go of v1.36.

import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts';
import { cidrErrors, cidrHas, parseCidr } from '../../meta/ip-address.ts';
import { nameIsSubdomain, portName, portNumber } from '../../meta/names.ts';
import {
  invalidEach,
  validateLabelSelector,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';

const specPath = new FieldPath('spec');
const protocols = ['TCP', 'UDP', 'SCTP'];
const types = ['Ingress', 'Egress'];

const numberErrors = (at: FieldPath, value: number): FieldError[] =>
  portNumber(value).map((message) => invalid(at, value, message));

function endPortErrors(at: FieldPath, { port, endPort }: NetworkPolicyPort): FieldError[] {
  if (endPort === undefined) return [];
  if (port === undefined) return [invalid(at, endPort, 'may not be specified when `port` is not specified')];
  if (typeof port === 'string') return [invalid(at, endPort, 'may not be specified when `port` is non-numeric')];
  return [
    ...(endPort < port ? [invalid(at, endPort, 'must be greater than or equal to `port`')] : []),
    ...numberErrors(at, endPort),
  ];
}

function validatePort(at: FieldPath, rule: NetworkPolicyPort): FieldError[] {
  const { protocol, port } = rule;
  const path = at.child('port');
  return [
    ...(protocol === undefined || protocols.includes(protocol)
      ? []
      : [notSupported(at.child('protocol'), protocol, protocols)]),
    ...(typeof port === 'number' ? numberErrors(path, port) : []),
    ...endPortErrors(at.child('endPort'), rule),
    ...(typeof port === 'string' ? invalidEach(path, port, portName(port)) : []),
  ];
}

function validateBlock(at: FieldPath, { cidr, except = [] }: IPBlock, kept: readonly string[]): FieldError[] {
  if (!cidr) return [required(at.child('cidr'))];
  const errors = cidrErrors(at.child('cidr'), cidr, kept);
  const range = parseCidr(cidr);
  if (range === undefined) return errors;
  for (const [i, text] of except.entries()) {
    const path = at.child('except').index(i);
    errors.push(...cidrErrors(path, text, kept));
    const part = parseCidr(text);
    if (part !== undefined && (!cidrHas(range, part) || range.bits >= part.bits))
      errors.push(invalid(path, text, 'must be a strict subset of `cidr`'));
  }
  return errors;
}

function validatePeer(at: FieldPath, peer: NetworkPolicyPeer, kept: readonly string[]): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const errors = [
    ...(podSelector ? validateLabelSelector(at.child('podSelector'), podSelector) : []),
    ...(namespaceSelector ? validateLabelSelector(at.child('namespaceSelector'), namespaceSelector) : []),
    ...(ipBlock ? validateBlock(at.child('ipBlock'), ipBlock, kept) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) return [...errors, required(at, 'must specify a peer')];
  if (ipBlock && (podSelector || namespaceSelector))
    return [...errors, forbiddenField(at, 'may not specify both ipBlock and another peer')];
  return errors;
}

/** The rules of both directions, which differ in the name of their peers only. */
const rulesOf = ({ ingress = [], egress = [] }: NetworkPolicySpec) => [
  ...ingress.map(({ ports, from }, i) => ({
    at: specPath.child('ingress').index(i),
    ports,
    side: 'from',
    peers: from,
  })),
  ...egress.map(({ ports, to }, i) => ({ at: specPath.child('egress').index(i), ports, side: 'to', peers: to })),
];

function validateTypes(policyTypes: readonly string[]): FieldError[] {
  const at = specPath.child('policyTypes');
  if (policyTypes.length > types.length) return [invalid(at, policyTypes, 'may not specify more than two policyTypes')];
  return policyTypes.flatMap((type, i) =>
    types.includes(type) ? [] : [notSupported(at.index(i), type, types.toSorted())],
  );
}

function validateSpec(spec: NetworkPolicySpec, kept: readonly string[]): FieldError[] {
  return [
    ...validateLabelSelector(specPath.child('podSelector'), spec.podSelector),
    ...rulesOf(spec).flatMap(({ at, ports = [], side, peers = [] }) => [
      ...ports.flatMap((port, i) => validatePort(at.child('ports').index(i), port)),
      ...peers.flatMap((peer, i) => validatePeer(at.child(side).index(i), peer, kept)),
    ]),
    ...validateTypes(spec.policyTypes ?? []),
  ];
}

export const validateNetworkPolicy = (policy: NetworkPolicy): FieldError[] => [
  ...validateObjectMeta(metaOf(policy), true, nameIsSubdomain),
  ...validateSpec(policy.spec ?? {}, []),
];

/** Ranges that the old policy names stay, whatever is wrong with them. */
export function validateNetworkPolicyUpdate(policy: NetworkPolicy, old: NetworkPolicy): FieldError[] {
  const kept = rulesOf(old.spec ?? {}).flatMap(({ peers = [] }) =>
    peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])),
  );
  return [...validateObjectMetaUpdate(metaOf(policy), metaOf(old)), ...validateSpec(policy.spec ?? {}, kept)];
}
