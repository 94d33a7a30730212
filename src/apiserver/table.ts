// Server-side tables: columns and rows of objects, as `kubectl get` shows them.
// Follows apiserver pkg/registry/rest/table.go and endpoints/handlers/response.go of v1.36.

import type { TableColumn } from '../api/scheme.ts';
import type { ObjectVersion } from './registry/object-version.ts';
import type { Rendering } from './request.ts';
import type { ResourceInfo } from './resources.ts';

type TableRendering = Extract<Rendering, { as: 'table' }>;

/** What a kind without columns of its own shows. */
const defaultColumns: readonly TableColumn[] = [
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name must be unique within a namespace.',
    priority: 0,
    cell: (object) => object.metadata?.name ?? '',
  },
  {
    name: 'Created At',
    type: 'date',
    description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
    priority: 0,
    cell: (object) => object.metadata?.creationTimestamp ?? null,
  },
];

const columnsOf = (info: ResourceInfo): readonly TableColumn[] => info.kind.columns ?? defaultColumns;

/** `{"kind":"Table",…,"rows":[` with everything that comes before the rows. */
export function tableHead(
  info: ResourceInfo,
  rendering: TableRendering,
  metadata: Record<string, unknown>,
  headers: boolean,
): string {
  const columns = columnsOf(info).map(({ name, type, format = '', description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const definitions = headers && !rendering.noHeaders ? JSON.stringify(columns) : 'null';
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${rendering.version}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${definitions},"rows":[`;
}

export const tableTail = ']}';

/** The objects of a list in the order of their rows. */
export function inRowOrder(info: ResourceInfo, objects: readonly ObjectVersion[]): readonly ObjectVersion[] {
  const { kind } = info;
  return kind.compareRows === undefined
    ? objects
    : objects.toSorted((a, b) => kind.compareRows?.(a.object(), b.object()) ?? 0);
}

/** One row as JSON. `now` in ms. */
export function tableRow(info: ResourceInfo, version: ObjectVersion, rendering: TableRendering, now: number): string {
  const object = version.object();
  const cells = columnsOf(info).map((column) => column.cell(object, now));
  const conditions = info.kind.rowConditions?.(object) ?? [];
  const marked = conditions.length === 0 ? '' : `,"conditions":${JSON.stringify(conditions)}`;
  return `{"cells":${JSON.stringify(cells)}${marked},"object":${rowObject(version, rendering)}}`;
}

function rowObject(version: ObjectVersion, rendering: TableRendering): string {
  switch (rendering.includeObject) {
    case 'None':
      return 'null';
    case 'Object':
      return version.encode().toString('utf8');
    case 'Metadata':
      return partialMetadata(version, rendering.version);
    default:
      return rendering.includeObject satisfies never;
  }
}

/** PartialObjectMetadata of an object as JSON. */
export function partialMetadata(version: ObjectVersion, apiVersion: string): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${apiVersion}","metadata":${version.metadataJson()}}`;
}
