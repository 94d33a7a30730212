// What a claim asks for, of a ResourceClaim or a template: its defaults and validation.
// Follows pkg/apis/resource/v1/defaults.go and pkg/apis/resource/validation/validation.go of v1.36.

import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '../../generated/types.ts';
import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { canonicalQuantity } from '../../meta/quantity.ts';
import { deviceClassNameErrors, distinct, fullyQualifiedErrors, labelErrors, limited } from './names.ts';
import { validateConfiguration, validateSelectors, validateToleration } from './parts.ts';

const maxRequests = 32;
const maxConstraints = 32;
const maxConfigurations = 32;
const maxAlternatives = 8;

type AnyRequest = ExactDeviceRequest | DeviceSubRequest;

function setRequestDefaults(request: AnyRequest): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
  for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
  const asked = request.capacity?.requests;
  for (const [name, amount] of Object.entries(asked ?? {})) if (asked) asked[name] = canonicalQuantity(amount);
}

/** Fills the defaults of a claim's spec in place. Idempotent. */
export function setClaimDefaults(spec: ResourceClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    if (exactly) setRequestDefaults(exactly);
    for (const one of firstAvailable ?? []) setRequestDefaults(one);
  }
}

/** The names of a claim's requests, each with the names of its alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export const requestNamesOf = (claim: DeviceClaim | undefined): RequestNames =>
  new Map(
    (claim?.requests ?? []).map(({ name, firstAvailable = [] }) => [
      name,
      new Set(firstAvailable.map((one) => one.name)),
    ]),
  );

const notARequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** The name of a request of the claim, with that of an alternative after a slash or without. */
export function requestReferenceErrors(name: string, path: FieldPath, names: RequestNames): FieldError[] {
  const [request = '', alternative, ...more] = name.split('/');
  if (more.length > 0) return [invalid(path, name, notARequest)];
  const alternatives = names.get(request);
  const isKnown = alternatives !== undefined && (alternative === undefined || alternatives.has(alternative));
  return [
    ...labelErrors(request, path),
    ...(alternative === undefined ? [] : labelErrors(alternative, path)),
    ...(isKnown ? [] : [invalid(path, name, notARequest)]),
  ];
}

/** A list of names of the claim's requests. */
export const requestReferences = (
  list: readonly string[] | undefined,
  path: FieldPath,
  names: RequestNames,
): FieldError[] =>
  distinct(
    list,
    maxRequests,
    path.child('requests'),
    (name, at) => requestReferenceErrors(name, at, names),
    (name) => name,
  );

function modeErrors(mode: string, count: number, path: FieldPath): FieldError[] {
  const at = path.child('count');
  switch (mode) {
    case 'All':
      return count === 0 ? [] : [invalid(at, count, `must not be specified when allocationMode is '${mode}'`)];
    case 'ExactCount':
      return count > 0 ? [] : [invalid(at, count, 'must be greater than zero')];
    default:
      return [notSupported(path.child('allocationMode'), mode, ['All', 'ExactCount'])];
  }
}

const askedFor = (request: AnyRequest, path: FieldPath): FieldError[] => [
  ...deviceClassNameErrors(request.deviceClassName, path.child('deviceClassName')),
  ...validateSelectors(request.selectors, path.child('selectors')),
  ...modeErrors(request.allocationMode ?? '', request.count ?? 0, path),
  ...(request.tolerations ?? []).flatMap((one, i) => validateToleration(one, path.child('tolerations').index(i))),
];

function validateRequest(request: DeviceRequest, path: FieldPath): FieldError[] {
  const { name, exactly, firstAvailable = [] } = request;
  const errors = labelErrors(name, path.child('name'));
  const exactlyOne = 'exactly one of `exactly` or `firstAvailable` is required';
  if (!exactly && firstAvailable.length === 0) return [...errors, required(path, exactlyOne)];
  if (exactly && firstAvailable.length > 0)
    return [...errors, invalid(path, null, `${exactlyOne}, but multiple fields are set`)];
  if (exactly) return [...errors, ...askedFor(exactly, path.child('exactly'))];
  const alternative = (one: DeviceSubRequest, at: FieldPath): FieldError[] => [
    ...labelErrors(one.name, at.child('name')),
    ...askedFor(one, at),
  ];
  return [
    ...errors,
    ...distinct(firstAvailable, maxAlternatives, path.child('firstAvailable'), alternative, (one) => one.name),
  ];
}

function validateConstraint(constraint: DeviceConstraint, path: FieldPath, names: RequestNames): FieldError[] {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = requestReferences(requests, path, names);
  if (matchAttribute !== undefined)
    return [...errors, ...fullyQualifiedErrors(matchAttribute, path.child('matchAttribute'))];
  if (distinctAttribute !== undefined)
    return [...errors, ...fullyQualifiedErrors(distinctAttribute, path.child('distinctAttribute'))];
  // Upstream's words, though none is set.
  const detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
  return [...errors, required(path, detail)];
}

/** Checks a claim's spec at `path`. */
export function validateClaimSpec(spec: ResourceClaimSpec | undefined, path: FieldPath): FieldError[] {
  const at = path.child('devices');
  const claim: Partial<DeviceClaim> = spec?.devices ?? {};
  const names = requestNamesOf(claim);
  const configuration = (one: DeviceClaimConfiguration, here: FieldPath): FieldError[] => [
    ...requestReferences(one.requests, here, names),
    ...validateConfiguration(one, here, false),
  ];
  return [
    ...distinct(claim.requests, maxRequests, at.child('requests'), validateRequest, ({ name }) => name),
    ...limited(claim.constraints, maxConstraints, at.child('constraints'), (one, here) =>
      validateConstraint(one, here, names),
    ),
    ...limited(claim.config, maxConfigurations, at.child('config'), configuration),
  ];
}
