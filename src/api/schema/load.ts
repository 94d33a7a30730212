// Gives the generated API schema, parsed on first use and then shared.
import { schemaJson } from '../generated/schema.ts';
import type { Definition, Schema } from './schema.ts';

/** Texts by definition name, then by field; the key '' is the type's own text. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

let loaded: Schema | undefined;

/** A Schema over these definitions, with its index by kind. */
export function schemaOf(definitions: Readonly<Record<string, Definition>>): Schema {
  const byKind = new Map<string, Definition>();
  for (const definition of Object.values(definitions))
    for (const { group, version, kind } of definition.gvk ?? []) byKind.set(`${group}/${version}/${kind}`, definition);
  return { definitions, ofKind: (group, version, kind) => byKind.get(`${group}/${version}/${kind}`) };
}

/** The schema of every built-in type. The first call parses it (a few ms); later calls give the same object. */
export function loadSchema(): Schema {
  loaded ??= schemaOf(JSON.parse(schemaJson) as Record<string, Definition>);
  return loaded;
}

/** The descriptions of every type and field, loaded apart because only OpenAPI documents need them. */
export async function loadDescriptions(): Promise<Descriptions> {
  const { descriptionsJson } = await import('../generated/descriptions.ts');
  return JSON.parse(descriptionsJson) as Descriptions;
}
