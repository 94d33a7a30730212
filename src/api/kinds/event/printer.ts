// Table columns of Events. Follows printEvent in pkg/printers/internalversion/printers.go of v1.36.

import type { Event } from '../../generated/types.ts';
import { age } from '../../meta/time.ts';
import type { KubeObject } from '../../meta/types.ts';
import type { TableColumn } from '../../scheme.ts';
import { textColumn } from '../common.ts';

const firstSeen = (event: Event, now: number): string => age(event.firstTimestamp || event.eventTime, now);

function lastSeen(event: Event, now: number): string {
  if (event.series) return age(event.series.lastObservedTime, now);
  return event.lastTimestamp ? age(event.lastTimestamp, now) : firstSeen(event, now);
}

function source(event: Event): string {
  const component = event.source?.component || event.reportingComponent || '';
  const host = event.source?.host || event.reportingInstance || '';
  return host ? `${component}, ${host}` : component;
}

function object({ involvedObject: { kind = '', name } }: Event): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

/** The columns for a shape of event that `core` turns into the core one. */
export function eventColumns<T extends KubeObject>(core: (event: T) => Event): readonly TableColumn<T>[] {
  const text = (
    name: string,
    description: string,
    cell: (event: Event, now: number) => string,
    wide = false,
  ): TableColumn<T> => textColumn<T>(name, description, (event, now) => cell(core(event), now), wide);
  return [
    text('Last Seen', 'Time since it was last observed.', lastSeen),
    text('Type', 'Normal or Warning.', (event) => event.type ?? ''),
    text('Reason', 'A short word for why it happened.', (event) => event.reason ?? ''),
    text('Object', 'What it is about.', object),
    text('Subobject', 'The part of the object it is about.', (event) => event.involvedObject.fieldPath ?? '', true),
    text('Source', 'Who reported it.', source, true),
    text('Message', 'What happened.', (event) => (event.message ?? '').trim()),
    text('First Seen', 'Time since it was first observed.', firstSeen, true),
    {
      name: 'Count',
      type: 'string',
      description: 'How often it was observed.',
      priority: 1,
      cell(event) {
        const { series, count } = core(event);
        return series ? (series.count ?? 0) : count || 1;
      },
    },
    { ...text('Name', "The event's own name.", (event) => event.metadata.name ?? '', true), format: 'name' },
  ];
}

export const coreEventColumns: readonly TableColumn<Event>[] = eventColumns<Event>((event) => event);
