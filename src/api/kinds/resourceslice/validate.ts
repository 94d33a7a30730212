// Validation of ResourceSlices. Follows ValidateResourceSlice in pkg/apis/resource/validation/validation.go of v1.36.

import type {
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCounterConsumption,
  ResourcePool,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../generated/types.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, required, tooLong } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { immutableField, invalidEach, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { distinct, driverErrors, entriesOf, labelErrors, poolErrors, qualifiedEntries } from '../devices/names.ts';
import { validateBinding, validateTaints } from '../devices/parts.ts';
import { validateNodeSelector } from '../pod/validation/scheduling.ts';
import { validateRequestPolicy } from './request-policy.ts';

const path = new FieldPath('spec');
const maxDevices = 128;
/** Where devices have taints or use counters. */
const maxAdvancedDevices = 64;
const maxCounterSets = 8;
const maxCounters = 32;
const maxConsumptions = 2;
const maxAttributesAndCapacities = 32;
const maxValueBytes = 64;
const maxLabelBytes = 63;

const number = '(0|[1-9]\\d*)';
const preRelease = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const build = '[0-9a-zA-Z-]+';
const semanticVersion = new RegExp(
  `^${number}\\.${number}\\.${number}(-${preRelease}(\\.${preRelease})*)?(\\+${build}(\\.${build})*)?$`,
);

const nothing = (): FieldError[] => [];

/** Counters of a set, or those that a device uses up. */
function validateCounters(counters: CounterSet['counters'] | undefined, at: FieldPath): FieldError[] {
  if (Object.keys(counters ?? {}).length === 0) return [required(at)];
  return entriesOf(counters, maxCounters, maxLabelBytes, at, labelErrors, nothing);
}

const namedOrRequired = (name: string | undefined, at: FieldPath): FieldError[] =>
  name ? labelErrors(name, at) : [required(at)];

const validateCounterSet = ({ name, counters }: CounterSet, at: FieldPath): FieldError[] => [
  ...namedOrRequired(name, at.child('name')),
  ...validateCounters(counters, at.child('counters')),
];

const validateConsumption = ({ counterSet, counters }: DeviceCounterConsumption, at: FieldPath): FieldError[] => [
  ...namedOrRequired(counterSet, at.child('counterSet')),
  ...validateCounters(counters, at.child('counters')),
];

function validateAttribute(attribute: DeviceAttribute, at: FieldPath): FieldError[] {
  const { bool, int, string, version } = attribute;
  const errors: FieldError[] = [];
  const lengthErrors = (field: string, value: string): FieldError[] =>
    byteLength(value) > maxValueBytes ? [tooLong(at.child(field), maxValueBytes)] : [];
  if (string !== undefined) errors.push(...lengthErrors('string', string));
  if (version !== undefined) {
    if (!semanticVersion.test(version))
      errors.push(invalid(at.child('version'), version, 'must be a string compatible with semver.org spec 2.0.0'));
    errors.push(...lengthErrors('version', version));
  }
  const count = [bool, int, string, version].filter((value) => value !== undefined).length;
  if (count === 1) return errors;
  const shown = {
    IntValue: int ?? null,
    BoolValue: bool ?? null,
    StringValue: string ?? null,
    VersionValue: version ?? null,
  };
  return [...errors, invalid(at, count === 0 ? '' : shown, 'exactly one value must be specified')];
}

/** Where devices are reached: the fields that are set, and what is wrong with them. */
interface Placement {
  set: string[];
  errors: FieldError[];
}

/** `emptyName` says what is wrong with an empty name of a node, which differs between slices and devices. */
function placementOf(
  { nodeName, nodeSelector, allNodes }: Pick<ResourceSliceSpec, 'nodeName' | 'nodeSelector' | 'allNodes'>,
  at: FieldPath,
  emptyName: string,
): Placement {
  const set: string[] = [];
  const errors: FieldError[] = [];
  const name = at.child('nodeName');
  if (nodeName === '') errors.push(invalid(name, nodeName, emptyName));
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    errors.push(...invalidEach(name, nodeName, nameIsSubdomain(nodeName, false)));
  }
  if (nodeSelector) {
    set.push('`nodeSelector`');
    errors.push(...validateNodeSelector(at.child('nodeSelector'), nodeSelector));
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes !== undefined)
    errors.push(invalid(at.child('allNodes'), allNodes, 'must be either unset or set to true'));
  return { set, errors };
}

function validateDevicePlacement(device: Device, at: FieldPath, perDevice: boolean): FieldError[] {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!perDevice) {
    const isSet = nodeName !== undefined || nodeSelector !== undefined || allNodes !== undefined;
    const detail =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return isSet ? [invalid(at, null, detail)] : [];
  }
  const { set, errors } = placementOf(device, at, 'must not be empty');
  const detail =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) return [...errors, required(at, detail)];
  return set.length === 1 ? errors : [...errors, invalid(at, `{${set.join(', ')}}`, detail)];
}

function validateCapacities({ capacity, allowMultipleAllocations = false }: Device, at: FieldPath): FieldError[] {
  return qualifiedEntries(capacity, at, ({ value, requestPolicy }, here) => {
    const policyPath = here.child('requestPolicy');
    if (!requestPolicy) return [];
    return allowMultipleAllocations
      ? validateRequestPolicy(value, requestPolicy, policyPath)
      : [forbiddenField(policyPath, 'allowMultipleAllocations must be true')];
  });
}

function validateDevice(device: Device, old: Device | undefined, at: FieldPath, perDevice: boolean): FieldError[] {
  const { name, attributes = {}, capacity = {}, taints, consumesCounters } = device;
  const size = Object.keys(attributes).length + Object.keys(capacity).length;
  const detail = `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`;
  return [
    ...labelErrors(name, at.child('name')),
    ...(size > maxAttributesAndCapacities ? [invalid(at, size, detail)] : []),
    ...qualifiedEntries(attributes, at.child('attributes'), validateAttribute),
    ...validateCapacities(device, at.child('capacity')),
    ...validateTaints(taints, old === undefined ? undefined : (old.taints ?? []), at.child('taints')),
    ...distinct(
      consumesCounters,
      maxConsumptions,
      at.child('consumesCounters'),
      validateConsumption,
      ({ counterSet }) => counterSet,
    ),
    ...validateDevicePlacement(device, at, perDevice),
    ...validateBinding(device, at),
  ];
}

function validatePool(pool: Partial<ResourcePool>, at: FieldPath): FieldError[] {
  const { name, resourceSliceCount = 0, generation = 0 } = pool;
  return [
    ...poolErrors(name, at.child('name')),
    ...(resourceSliceCount <= 0
      ? [invalid(at.child('resourceSliceCount'), resourceSliceCount, 'must be greater than zero')]
      : []),
    ...(generation < 0 ? [invalid(at.child('generation'), generation, 'must be greater than or equal to zero')] : []),
  ];
}

function validatePlacement(spec: ResourceSliceSpec): FieldError[] {
  const { nodeSelector, perDeviceNodeSelection: perDevice } = spec;
  const { set, errors } = placementOf(spec, path, 'must be either unset or set to a non-empty string');
  const terms = nodeSelector?.nodeSelectorTerms ?? [];
  if (nodeSelector && terms.length !== 1)
    errors.push(
      invalid(path.child('nodeSelector', 'nodeSelectorTerms'), terms, 'must have exactly one node selector term'),
    );
  if (perDevice) set.push('`perDeviceNodeSelection`');
  else if (perDevice !== undefined)
    errors.push(invalid(path.child('perDeviceNodeSelection'), perDevice, 'must be either unset or set to true'));
  const detail = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) return [...errors, required(path, detail)];
  if (set.length === 1) return errors;
  return [...errors, invalid(path, `{${set.join(', ')}}`, `${detail}, but multiple fields are set`)];
}

function validateSpec(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined): FieldError[] {
  const { driver, pool, devices, sharedCounters, perDeviceNodeSelection = false } = spec;
  const isAdvanced = (devices ?? []).some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  return [
    ...driverErrors(driver, path.child('driver')),
    ...validatePool(pool ?? {}, path.child('pool')),
    ...(old === undefined
      ? []
      : [
          ...immutableField(path.child('pool', 'name'), pool?.name, old.pool?.name),
          ...immutableField(path.child('driver'), driver, old.driver),
          ...immutableField(path.child('nodeName'), spec.nodeName, old.nodeName),
        ]),
    ...validatePlacement(spec),
    ...(sharedCounters !== undefined && devices !== undefined
      ? [invalid(path, '', 'only one of `sharedCounters` or `devices` is allowed')]
      : []),
    ...distinct(
      devices,
      isAdvanced ? maxAdvancedDevices : maxDevices,
      path.child('devices'),
      (device, at) => validateDevice(device, before.get(device.name), at, perDeviceNodeSelection),
      ({ name }) => name,
    ),
    ...distinct(sharedCounters, maxCounterSets, path.child('sharedCounters'), validateCounterSet, ({ name }) => name),
  ];
}

const specOf = ({ spec }: Partial<ResourceSlice>): ResourceSliceSpec =>
  spec ?? { driver: '', pool: { name: '', generation: 0, resourceSliceCount: 0 } };

export const validateResourceSlice = (slice: ResourceSlice): FieldError[] => [
  ...validateObjectMeta(metaOf(slice), false, nameIsSubdomain),
  ...validateSpec(specOf(slice), undefined),
];

export const validateResourceSliceUpdate = (slice: ResourceSlice, old: ResourceSlice): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(slice), metaOf(old)),
  ...validateSpec(specOf(slice), specOf(old)),
];
