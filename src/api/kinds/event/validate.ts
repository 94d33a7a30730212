// Validation of Events, by the rules of the group they come through. Follows pkg/apis/core/validation/events.go of v1.36.

import type { Event } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, invalid, required } from '../../meta/errors.ts';
import { byteLength } from '../../meta/go-format.ts';
import { dns1123Subdomain, nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import {
  immutableMessage,
  invalidEach,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../meta/validate-meta.ts';
import { internalForm } from '../internal-form.ts';

export type EventVersion = 'v1' | 'events.k8s.io/v1';

const path = (...names: [string, ...string[]]): FieldPath => new FieldPath().child(...names);

/** Length limits in bytes. */
const limits = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

function checkAny(event: Event, version: EventVersion): FieldError[] {
  const errors: FieldError[] = [];
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject.namespace ?? '';
  const mismatch = invalid(path('involvedObject', 'namespace'), about, 'does not match event.namespace');
  if (!event.eventTime) {
    const agrees = about === '' ? namespace === '' || namespace === 'default' : about === namespace;
    if (!agrees) errors.push(mismatch);
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(mismatch);
    errors.push(...checkNew(event, version));
  }
  return [...errors, ...invalidEach(path('namespace'), namespace, dns1123Subdomain(namespace))];
}

// Events with a time of their own come from the newer recorder, which fills these in.
function checkNew(event: Event, version: EventVersion): FieldError[] {
  const errors: FieldError[] = [];
  const controller = event.reportingComponent ?? '';
  const controllerPath = path(version === 'v1' ? 'reportingComponent' : 'reportingController');
  if (controller === '') errors.push(required(controllerPath));
  errors.push(...invalidEach(controllerPath, controller, qualifiedName(controller)));
  for (const field of ['reportingInstance', 'action', 'reason', 'message'] as const) {
    const value = event[field] ?? '';
    if (value === '' && field !== 'message') errors.push(required(path(field)));
    if (byteLength(value) > limits[field]) {
      errors.push(invalid(path(field), '', `can have at most ${limits[field]} characters`));
    }
  }
  return errors;
}

function checkSeries(event: Event): FieldError[] {
  const { series } = event;
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(invalid(path('series.count'), '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(required(path('series.lastObservedTime')));
  return errors;
}

/** Checks a new event; events.k8s.io is stricter than core. */
export function validateEventCreate(event: Event, version: EventVersion): FieldError[] {
  const errors = checkAny(event, version);
  if (version === 'v1') return errors;
  errors.push(...validateObjectMeta(event.metadata, true, nameIsSubdomain), ...checkSeries(event));
  if (!event.eventTime) errors.push(required(path('eventTime')));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(invalid(path('type'), '', `has invalid value: ${event.type ?? ''}`));
  }
  const unset = 'needs to be unset';
  if (event.firstTimestamp) errors.push(invalid(path('firstTimestamp'), '', unset));
  if (event.lastTimestamp) errors.push(invalid(path('lastTimestamp'), '', unset));
  if (event.count) errors.push(invalid(path('count'), '', unset));
  if (event.source?.component || event.source?.host) errors.push(invalid(path('source'), '', unset));
  return errors;
}

const fixed = [
  ['involvedObject'],
  ['reason'],
  ['message'],
  ['source'],
  ['firstTimestamp'],
  ['lastTimestamp'],
  ['count'],
  // Upstream looks at it twice.
  ['reason'],
  ['type'],
  ['eventTime'],
  ['action'],
  ['related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance'],
] as const;

/** A field's value as the internal form prints it: texts that are not set are empty. */
function printed(field: (typeof fixed)[number][0], value: unknown, old: unknown): unknown {
  if (field === 'involvedObject' || (field === 'related' && value))
    return internalForm('ObjectReference', (value ?? {}) as object);
  return value ?? (typeof old === 'string' && !field.endsWith('Timestamp') && field !== 'eventTime' ? '' : value);
}

/** Checks a changed event; of an events.k8s.io one only the series may change. */
export function validateEventUpdate(event: Event, old: Event, version: EventVersion): FieldError[] {
  const errors = checkAny(event, version);
  if (version === 'v1') return errors;
  errors.push(...validateObjectMetaUpdate(event.metadata, old.metadata));
  if (!equalJson(event.series, old.series)) errors.push(...checkSeries(event));
  for (const [field, shown = field] of fixed)
    if (!equalJson(event[field], old[field]))
      errors.push(invalid(path(shown), printed(field, event[field], old[field]), immutableMessage));
  return errors;
}
