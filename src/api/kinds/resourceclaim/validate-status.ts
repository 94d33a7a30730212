// Validation of the status of a ResourceClaim: what was allocated to whom, and what drivers say of it.
// Follows validateResourceClaimStatusUpdate in pkg/apis/resource/validation/validation.go of v1.36.

import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceV1ResourceClaim as ResourceClaim,
  ResourceClaimConsumerReference,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import {
  type FieldError,
  FieldPath,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { interfaceAddressErrors } from '../../meta/ip-address.ts';
import { validateConditions } from '../../meta/validate-conditions.ts';
import { immutableMessage } from '../../meta/validate-meta.ts';
import { requestNamesOf, type RequestNames, requestReferenceErrors, requestReferences } from '../devices/claim.ts';
import { distinct, driverErrors, labelErrors, limited, poolErrors, uidErrors } from '../devices/names.ts';
import { validateBinding, validateConfiguration, validateData } from '../devices/parts.ts';
import { internalForm } from '../internal-form.ts';
import { validateNodeSelector } from '../pod/validation/scheduling.ts';

const path = new FieldPath('status');
const maxReservations = 256;
const maxResults = 32;
const maxConditions = 8;
const maxAddresses = 16;
const maxInterfaceBytes = 256;
const maxHardwareBytes = 128;

interface DeviceReference {
  driver?: string;
  pool?: string;
  device?: string;
  shareID?: string;
}

/** driver/pool/device */
export const deviceKey = ({ driver = '', pool = '', device = '' }: DeviceReference): string =>
  `${driver}/${pool}/${device}`;
/** The same with the share of the device, where it is shared. */
const sharedKey = (one: DeviceReference): string => [deviceKey(one), ...(one.shareID ? [one.shareID] : [])].join('/');

function validateConsumer(one: ResourceClaimConsumerReference, at: FieldPath): FieldError[] {
  return (['resource', 'name', 'uid'] as const).flatMap((field) => (one[field] ? [] : [required(at.child(field))]));
}

function validateNetworkData(data: NetworkDeviceData | undefined, at: FieldPath): FieldError[] {
  if (!data) return [];
  const { interfaceName = '', hardwareAddress = '', ips } = data;
  return [
    ...(byteLength(interfaceName) > maxInterfaceBytes ? [tooLong(at.child('interfaceName'), maxInterfaceBytes)] : []),
    ...(byteLength(hardwareAddress) > maxHardwareBytes ? [tooLong(at.child('hardwareAddress'), maxHardwareBytes)] : []),
    ...distinct(
      ips,
      maxAddresses,
      at.child('ips'),
      (address, here) => interfaceAddressErrors(here, address),
      (address) => address,
    ),
  ];
}

function validateDevice(device: AllocatedDeviceStatus, at: FieldPath, allocated: ReadonlySet<string>): FieldError[] {
  const { driver, pool, device: name, shareID, conditions = [], data, networkData } = device;
  return [
    ...driverErrors(driver, at.child('driver')),
    ...poolErrors(pool, at.child('pool')),
    ...labelErrors(name, at.child('device')),
    ...(shareID === undefined ? [] : uidErrors(shareID, at.child('shareID'))),
    ...(allocated.has(sharedKey(device))
      ? []
      : [invalid(at, sharedKey(device), 'must be an allocated device in the claim')]),
    ...(conditions.length > maxConditions ? [tooMany(at.child('conditions'), conditions.length, maxConditions)] : []),
    ...validateConditions(at.child('conditions'), conditions),
    ...(data === undefined || data === null ? [] : validateData(data, at.child('data'), false)),
    ...validateNetworkData(networkData, at.child('networkData')),
  ];
}

function validateResult(result: DeviceRequestAllocationResult, at: FieldPath, names: RequestNames): FieldError[] {
  const { request = '', driver, pool, device, shareID } = result;
  return [
    ...requestReferenceErrors(request, at.child('request'), names),
    ...driverErrors(driver, at.child('driver')),
    ...poolErrors(pool, at.child('pool')),
    ...labelErrors(device, at.child('device')),
    ...validateBinding(result, at),
    ...(shareID === undefined ? [] : uidErrors(shareID, at.child('shareID'))),
  ];
}

function validateConfig(config: DeviceAllocationConfiguration, at: FieldPath, names: RequestNames): FieldError[] {
  const { source, requests } = config;
  const sources = ['FromClaim', 'FromClass'];
  const ofSource = source
    ? sources.includes(source)
      ? []
      : [notSupported(at.child('source'), source, sources)]
    : [required(at.child('source'))];
  return [...ofSource, ...requestReferences(requests, at, names), ...validateConfiguration(config, at, false)];
}

function validateAllocation({ devices, nodeSelector }: AllocationResult, names: RequestNames): FieldError[] {
  const at = path.child('allocation');
  const ofDevices = at.child('devices');
  return [
    ...limited(devices?.results, maxResults, ofDevices.child('results'), (one, here) =>
      validateResult(one, here, names),
    ),
    ...limited(devices?.config, 2 * maxResults, ofDevices.child('config'), (one, here) =>
      validateConfig(one, here, names),
    ),
    ...(nodeSelector ? validateNodeSelector(at.child('nodeSelector'), nodeSelector) : []),
  ];
}

/** Who has the claim: nobody before it is allocated, and nobody new once it is going. */
function reservationErrors({ metadata, status }: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { reservedFor = [], allocation } = status ?? {};
  const at = path.child('reservedFor');
  if (reservedFor.length === 0) return [];
  if (!allocation) return [forbiddenField(at, 'may not be specified when `allocated` is not set')];
  if (metadata?.deletionTimestamp === undefined) return [];
  const before = old.status?.reservedFor ?? [];
  return reservedFor.every((one) => before.some((other) => equalJson(one, other)))
    ? []
    : [forbiddenField(at, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set')];
}

export function validateClaimStatus(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { reservedFor, allocation, devices } = claim.status ?? {};
  const allocated = new Set((allocation?.devices?.results ?? []).map(sharedKey));
  const errors = [
    ...distinct(reservedFor, maxReservations, path.child('reservedFor'), validateConsumer, ({ uid }) => uid),
    ...distinct(
      devices,
      Number.POSITIVE_INFINITY,
      path.child('devices'),
      (one, at) => validateDevice(one, at, allocated),
      sharedKey,
    ),
    ...reservationErrors(claim, old),
  ];
  if (!allocation) return errors;
  const before = old.status?.allocation;
  if (!before) return [...errors, ...validateAllocation(allocation, requestNamesOf(claim.spec?.devices))];
  if (equalJson(allocation, before)) return errors;
  return [...errors, invalid(path.child('allocation'), internalForm('AllocationResult', allocation), immutableMessage)];
}
