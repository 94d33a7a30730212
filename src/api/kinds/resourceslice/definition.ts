// The ResourceSlice kind: devices that a driver offers. Follows pkg/registry/resource/resourceslice of v1.36.

import type { Device, ResourceSlice } from '../../generated/types.ts';
import { FieldPath } from '../../meta/errors.ts';
import { goQuote } from '../../meta/go-format.ts';
import { canonicalQuantity } from '../../meta/quantity.ts';
import { formatTime } from '../../meta/time.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import { ageColumn, allVerbs, countSpecChange, idle, nameColumn, textColumn } from '../common.ts';
import { validateResourceSlice, validateResourceSliceUpdate } from './validate.ts';

const devicesOf = ({ spec }: ResourceSlice): readonly Device[] => spec?.devices ?? [];
const devicesPath = new FieldPath('spec').child('devices');
const listValues = ['bools', 'ints', 'strings', 'versions'] as const;

function canonicalizeQuantities(slice: ResourceSlice): void {
  for (const { counters } of slice.spec?.sharedCounters ?? [])
    for (const counter of Object.values(counters ?? {})) counter.value = canonicalQuantity(counter.value);
  for (const { capacity, consumesCounters } of devicesOf(slice)) {
    for (const one of Object.values(capacity ?? {})) one.value = canonicalQuantity(one.value);
    for (const { counters } of consumesCounters ?? [])
      for (const counter of Object.values(counters ?? {})) counter.value = canonicalQuantity(counter.value);
  }
}

const usesLists = (slice: ResourceSlice): boolean =>
  devicesOf(slice).some(({ attributes }) =>
    Object.values(attributes ?? {}).some((one) => listValues.some((field) => one[field] !== undefined)),
  );
const usesMappings = (slice: ResourceSlice): boolean =>
  devicesOf(slice).some(({ nodeAllocatableResourceMappings: mappings }) => mappings !== undefined);

/** Takes out what needs features that are off in v1.36, unless it was there before; upstream does it silently. */
function dropDisabled(slice: ResourceSlice, old: ResourceSlice | undefined, warn: (text: string) => void): void {
  const keepsLists = old !== undefined && usesLists(old);
  const keepsMappings = old !== undefined && usesMappings(old);
  for (const [i, device] of devicesOf(slice).entries()) {
    const path = devicesPath.index(i);
    for (const [name, attribute] of Object.entries(keepsLists ? {} : (device.attributes ?? {})))
      for (const field of listValues) {
        if (attribute[field] === undefined) continue;
        delete attribute[field];
        const at = path.child('attributes').key(name).child(field);
        warn(idle(at.text, 'the feature gate DRAListTypeAttributes is off'));
      }
    if (keepsMappings || device.nodeAllocatableResourceMappings === undefined) continue;
    delete device.nodeAllocatableResourceMappings;
    const at = path.child('nodeAllocatableResourceMappings');
    warn(idle(at.text, 'the feature gate DRANodeAllocatableResources is off'));
  }
}

/** A taint tells since when it is there. */
function setTaintTimes(slice: ResourceSlice, now: number): void {
  for (const { taints } of devicesOf(slice)) for (const taint of taints ?? []) taint.timeAdded ??= formatTime(now);
}

function warnings(slice: ResourceSlice, old: ResourceSlice | undefined): string[] {
  const { driver = '' } = slice.spec ?? {};
  return [
    ...(driver === driver.toLowerCase()
      ? []
      : [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`]),
    ...(old === undefined ? [idle('spec', 'devices are not allocated yet')] : []),
  ];
}

const strategy: Strategy<ResourceSlice> = {
  prepareForCreate(slice, { now, warn }) {
    dropDisabled(slice, undefined, (text) => warn?.(text));
    setTaintTimes(slice, now);
  },
  validateCreate: validateResourceSlice,
  prepareForUpdate(slice, old, { now, warn }) {
    setTaintTimes(slice, now);
    countSpecChange(slice, old);
    dropDisabled(slice, old, (text) => warn?.(text));
  },
  validateUpdate: validateResourceSliceUpdate,
  warnings,
};

export const resourceSliceKind: KindDefinition<ResourceSlice> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  resource: 'resourceslices',
  singular: 'resourceslice',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.resource.v1.ResourceSlice',
  hasGeneration: true,
  defaults: canonicalizeQuantities,
  strategy,
  selectableFields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  fieldLabels: ['spec.nodeName', 'spec.driver'],
  columns: [
    nameColumn,
    textColumn<ResourceSlice>('Node', 'The node that has the devices.', ({ spec }) => spec?.nodeName ?? ''),
    textColumn<ResourceSlice>('Driver', 'Who offers them.', ({ spec }) => spec?.driver ?? ''),
    textColumn<ResourceSlice>('Pool', 'The pool that they are of.', ({ spec }) => spec?.pool?.name ?? ''),
    ageColumn,
  ],
};
