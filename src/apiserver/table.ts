// Server-side tables: columns and rows of objects, as `kubectl get` shows them.
// Follows apiserver pkg/registry/rest/table.go and endpoints/handlers/response.go of v1.36.

import type { KubeObject } from '../api/meta/types.ts';
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

/** What a row shows of: a stored object, or one that is made to be shown. */
export interface RowSource {
  object(): KubeObject;
  /** The object as JSON. */
  text(): string;
  metadataJson(): string;
}

/** One row as JSON. `now` in ms. */
export function tableRow(info: ResourceInfo, version: ObjectVersion, rendering: TableRendering, now: number): string {
  const source: RowSource = {
    object: () => version.object(),
    text: () => version.encode().toString('utf8'),
    metadataJson: () => version.metadataJson(),
  };
  return rowOf(info, source, rendering, now);
}

export function rowOf(info: ResourceInfo, source: RowSource, rendering: TableRendering, now: number): string {
  const object = source.object();
  const cells = columnsOf(info).map((column) => column.cell(object, now));
  const conditions = info.kind.rowConditions?.(object) ?? [];
  const marked = conditions.length === 0 ? '' : `,"conditions":${JSON.stringify(conditions)}`;
  return `{"cells":${JSON.stringify(cells)}${marked},"object":${rowObject(source, rendering)}}`;
}

function rowObject(source: RowSource, rendering: TableRendering): string {
  switch (rendering.includeObject) {
    case 'None':
      return 'null';
    case 'Object':
      return source.text();
    case 'Metadata':
      return partialMetadata(source, rendering.version);
    default:
      return rendering.includeObject satisfies never;
  }
}

/** PartialObjectMetadata of an object as JSON. */
export function partialMetadata(version: Pick<ObjectVersion, 'metadataJson'>, apiVersion: string): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${apiVersion}","metadata":${version.metadataJson()}}`;
}
