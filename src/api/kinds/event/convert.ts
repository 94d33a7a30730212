// Events from core/v1 to events.k8s.io/v1 and back. Follows pkg/apis/events/v1/conversion.go of v1.36.

import type { Event, EventsV1Event } from '../../generated/types.ts';

// Drops undefined members, so that absent stays absent.
const compact = <T extends object>(object: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

/** The core shape, which is the stored one. */
export const coreEventOf = (event: EventsV1Event): Event =>
  compact<Event>({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: event.metadata ?? {},
    involvedObject: event.regarding ?? {},
    related: event.related,
    reason: event.reason,
    message: event.note,
    type: event.type,
    action: event.action,
    eventTime: event.eventTime,
    series: event.series,
    reportingComponent: event.reportingController,
    reportingInstance: event.reportingInstance,
    source: event.deprecatedSource,
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
  });

/** The newer shape of a stored event; a legacy one has no time of its own. */
export const eventsV1EventOf = (event: Event): EventsV1Event =>
  compact<EventsV1Event>({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: event.metadata,
    regarding: event.involvedObject,
    related: event.related,
    reason: event.reason,
    note: event.message,
    type: event.type,
    action: event.action,
    eventTime: event.eventTime,
    series: event.series
      ? { count: event.series.count ?? 0, lastObservedTime: event.series.lastObservedTime ?? '' }
      : undefined,
    reportingController: event.reportingComponent,
    reportingInstance: event.reportingInstance,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  });
