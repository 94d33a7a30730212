// The columns in which custom resources are printed.
// Follows apiextensions-apiserver pkg/registry/customresource/tableconvertor of v1.36.
import type { CustomResourceColumnDefinition } from '../generated/types.ts';
import { parseTime, humanDuration } from '../meta/time.ts';
import { nameColumn } from '../kinds/common.ts';
import type { TableColumn } from '../scheme.ts';
import { type JsonPath, JsonPathError, parseJsonPath } from './json-path.ts';

type Cell = string | number | boolean | null;

const ageDefinition: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: 'When the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

/** A value as text: scalars plainly, the rest as JSON. */
function textOf(value: unknown): string {
  if (value === null) return '<no value>';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The cell of a value whose column has that type; null where the value has another. */
function cellOf(type: string, value: unknown, now: number): Cell {
  switch (type) {
    case 'string':
      return textOf(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      if (typeof value !== 'string') return null;
      const time = parseTime(value);
      return time === undefined ? '<invalid>' : humanDuration(now - time);
    }
    default:
      return null;
  }
}

function column(definition: CustomResourceColumnDefinition, path: JsonPath): TableColumn {
  const { name, type, format, jsonPath, priority = 0 } = definition;
  return {
    name,
    type: type as TableColumn['type'],
    ...(format === undefined ? {} : { format }),
    description: definition.description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority,
    cell(object, now) {
      const [value] = path(object);
      return value === undefined ? null : cellOf(type, value, now);
    },
  };
}

/** The columns of a version; those up to the first that cannot be read, and age where none is defined. */
export function printerColumns(definitions: readonly CustomResourceColumnDefinition[] | undefined): TableColumn[] {
  const given = definitions === undefined || definitions.length === 0 ? [ageDefinition] : definitions;
  const columns: TableColumn[] = [nameColumn];
  for (const definition of given) {
    try {
      columns.push(column(definition, parseJsonPath(definition.jsonPath)));
    } catch (error) {
      if (error instanceof JsonPathError) return columns;
      throw error;
    }
  }
  return columns;
}
