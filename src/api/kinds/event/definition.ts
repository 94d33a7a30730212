// The Event kind in its two groups, core/v1 and events.k8s.io/v1: one storage, two shapes.
// Follows pkg/registry/core/event and pkg/apis/events/v1/conversion.go of v1.36.

import type { Event, EventsV1Event } from '../../generated/types.ts';
import type { KubeObject } from '../../meta/types.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs } from '../common.ts';
import { coreEventOf, eventsV1EventOf } from './convert.ts';
import { coreEventColumns, eventColumns } from './printer.ts';
import { validateEventCreate, validateEventUpdate } from './validate.ts';

const hour = 3_600_000;
const storage = { group: '', resource: 'events' };

function involvedFields(event: Event, prefix: string): Record<string, string> {
  const about = event.involvedObject;
  return {
    [`${prefix}.kind`]: about.kind ?? '',
    [`${prefix}.namespace`]: about.namespace ?? '',
    [`${prefix}.name`]: about.name ?? '',
    [`${prefix}.uid`]: about.uid ?? '',
    [`${prefix}.apiVersion`]: about.apiVersion ?? '',
    [`${prefix}.resourceVersion`]: about.resourceVersion ?? '',
    [`${prefix}.fieldPath`]: about.fieldPath ?? '',
    reason: event.reason ?? '',
    type: event.type ?? '',
  };
}

const aboutLabels = (prefix: string): string[] =>
  ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
    (field) => `${prefix}.${field}`,
  );

const shared = {
  kind: 'Event',
  resource: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  ttlMs: hour,
} as const;

// Events are stored as the core kind.
const isCoreEvent = (stored: KubeObject): stored is Event => 'involvedObject' in stored;

function storedEvent(stored: KubeObject): Event {
  if (!isCoreEvent(stored)) throw new Error('stored event has no involvedObject');
  return stored;
}

export const eventKind: KindDefinition<Event> = {
  ...shared,
  group: '',
  version: 'v1',
  definition: 'io.k8s.api.core.v1.Event',
  strategy: {
    validateCreate: (event) => validateEventCreate(event, 'v1'),
    validateUpdate: (event, old) => validateEventUpdate(event, old, 'v1'),
    allowCreateOnUpdate: true,
  },
  selectableFields: (event) => ({
    ...involvedFields(event, 'involvedObject'),
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || (event.reportingComponent ?? ''),
  }),
  fieldLabels: [...aboutLabels('involvedObject'), 'reason', 'type', 'source', 'reportingComponent'],
  columns: coreEventColumns,
  storage: { ...storage, toStorage: (event) => event, fromStorage: storedEvent },
};

export const eventsV1EventKind: KindDefinition<EventsV1Event> = {
  ...shared,
  group: 'events.k8s.io',
  version: 'v1',
  definition: 'io.k8s.api.events.v1.Event',
  strategy: {
    validateCreate: (event) => validateEventCreate(coreEventOf(event), 'events.k8s.io/v1'),
    validateUpdate: (event, old) => validateEventUpdate(coreEventOf(event), coreEventOf(old), 'events.k8s.io/v1'),
    allowCreateOnUpdate: true,
  },
  selectableFields: (event) => ({
    ...involvedFields(coreEventOf(event), 'regarding'),
    reportingController: event.reportingController ?? '',
  }),
  fieldLabels: [...aboutLabels('regarding'), 'reason', 'type', 'reportingController'],
  columns: eventColumns(coreEventOf),
  storage: { ...storage, toStorage: coreEventOf, fromStorage: (stored) => eventsV1EventOf(storedEvent(stored)) },
};
